import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ElectronShell } from '../../src-main/shell/electron/electron-shell.ts';
import { SettingsStore } from '../../src-main/shell/settings-store.ts';
import { connectShell } from '../../src-renderer/app/connect-shell.ts';
import { buildPreload } from '../support/built-preload.ts';
import { ElectronStandIn } from '../support/electron-stand-in.ts';
import { contractCases } from './cases.ts';
import { contractShell } from './contract-shell.ts';

describe('shell contract in Electron over a MessagePort', () => {
  let directory: string;
  let preload: string;
  let electron: ElectronStandIn;
  let running: Promise<void>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-electron-'));
    writeFileSync(join(directory, 'index.html'), 'the window');
    preload = await buildPreload(directory);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  beforeEach(async () => {
    electron = new ElectronStandIn();
    const shell = new ElectronShell(electron.parts, {
      directory,
      preload,
      icon: 'icon.png',
      trayIcon: 'tray.png',
      stateFile: join(directory, 'window.json'),
      settings: new SettingsStore(join(directory, 'settings.json')),
      platform: 'linux',
    });
    shell.claimInstance();
    running = shell.run(contractShell(), async () => undefined);
    await expect.poll(() => electron.windows[0]?.page).toBeDefined();
  });
  afterEach(async () => {
    electron.app.quit();
    await running;
  });

  it.each(contractCases)('$name', async (one) => {
    const client = await connectShell(electron.windows[0]?.page as unknown as Window);
    await one.run(client);
  });
});
