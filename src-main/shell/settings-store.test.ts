import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configDirectory, SettingsStore } from './settings-store.ts';

describe('SettingsStore', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-settings-'));
    path = join(directory, 'deep/settings.json');
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const onDisk = (): unknown => JSON.parse(readFileSync(path, 'utf8'));

  it('has defaults before anything was chosen, and writes nothing for them', () => {
    expect(new SettingsStore(path).read()).toEqual({
      theme: 'system',
      keepRunningInTray: true,
      terminalFontSize: 13,
      terminalTheme: 'dark',
      containerColumns: ['image', 'state', 'usage', 'ports'],
      containerFilters: [],
    });
    expect(existsSync(path)).toBe(false);
  });

  it('keeps what was chosen, across changes and starts', async () => {
    const store = new SettingsStore(path);
    await store.write({ theme: 'dark' });
    await store.write({ terminalFontSize: 16, theme: undefined });
    const expected = { theme: 'dark', keepRunningInTray: true, terminalFontSize: 16 };
    expect(store.read()).toMatchObject(expected);
    expect(new SettingsStore(path).read()).toEqual(store.read());
    expect(onDisk()).toEqual(store.read());
  });

  it('writes changes that come at once one after another, and leaves nothing behind', async () => {
    const store = new SettingsStore(path);
    const sizes = Array.from({ length: 20 }, (_, index) => 8 + index);
    await Promise.all(sizes.map((terminalFontSize) => store.write({ terminalFontSize })));
    expect(onDisk()).toMatchObject({ terminalFontSize: 27 });
    expect(readdirSync(join(directory, 'deep'))).toEqual(['settings.json']);
  });

  it('sets a broken file aside', () => {
    const broken = join(directory, 'settings.json');
    writeFileSync(broken, '{"theme":"pink"}');
    expect(new SettingsStore(broken).read().theme).toBe('system');
    expect(readFileSync(`${broken}.broken`, 'utf8')).toBe('{"theme":"pink"}');
  });

  it('refuses what is no setting and keeps the old ones', async () => {
    const store = new SettingsStore(path);
    await expect(store.write({ terminalFontSize: 500 })).rejects.toThrow();
    expect(store.read().terminalFontSize).toBe(13);
  });

  it('follows the XDG directories', () => {
    expect(configDirectory({ XDG_CONFIG_HOME: '/x' })).toBe('/x/windlass');
    expect(configDirectory({ XDG_CONFIG_HOME: '' })).toMatch(/\.config\/windlass$/);
  });
});
