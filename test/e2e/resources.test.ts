/** Volumes, networks, disk use, settings, palette and shortcuts, as a person uses them; docker sees the same. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

const go = (name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
const dialog = () => page.getByRole('dialog');
const docker = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await app.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

beforeAll(async () => {
  app = await TestApp.start();
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

describe('volumes', () => {
  it('are created with options and labels, with names checked as they are typed', async () => {
    await go('Volumes');
    await page.getByText('No volumes yet').waitFor();
    await page.getByRole('button', { name: 'Create' }).click();
    await dialog().getByLabel('Name').fill('x');
    await dialog().getByText('Two characters or more').waitFor();
    await dialog().getByLabel('Name').fill('cargo');
    await dialog().getByLabel('Labels').fill('ship=windlass deck');
    await dialog().getByText('Write key=value').waitFor();
    expect(await dialog().getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
    await dialog().getByLabel('Labels').fill('ship=windlass deck=2');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: 'cargo' }).waitFor();
    expect(await docker('volume', 'inspect', 'cargo', '-f', '{{json .Labels}}')).toBe(
      '{"deck":"2","ship":"windlass"}',
    );
  });

  it('show sizes and who uses them, and say where they lie', async () => {
    await docker(
      ...['run', '-d', '--name', 'hold', '-v', 'cargo:/cargo', 'busybox', 'sh', '-c'],
      'dd if=/dev/zero of=/cargo/f bs=1000 count=2000; exec sleep 1000',
    );
    await docker('volume', 'create', 'spare');
    const row = page.getByRole('row', { name: 'cargo' });
    await row.getByText('hold').waitFor();
    await page.getByRole('row', { name: 'spare' }).getByText('nobody').waitFor();
    await shoot(page, '10-volumes-light');
    await row.click();
    await page.getByRole('heading', { name: 'Mounted by' }).waitFor();
    expect(await page.getByText('/volumes/cargo/_data').isVisible()).toBe(true);
    await page.getByRole('link', { name: 'hold' }).click();
    await page.getByRole('heading', { name: 'hold' }).waitFor();
  });

  it('that nobody uses go together, named before', async () => {
    await go('Volumes');
    await page.getByRole('button', { name: 'Remove 1 unused' }).click();
    await dialog().getByRole('heading', { name: 'Remove spare?' }).waitFor();
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('row', { name: 'spare' }).waitFor({ state: 'detached' });
    expect(await docker('volume', 'ls', '-q')).toBe('cargo');
  });

  it('in use stay, and the engine says why', async () => {
    await page.getByRole('button', { name: 'Remove cargo' }).click();
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('status').getByText('volume is in use').waitFor();
    expect(await docker('volume', 'ls', '-q')).toBe('cargo');
  });
});

describe('networks', () => {
  it('are created, joined and left from the window', async () => {
    await go('Networks');
    await page.getByRole('button', { name: 'Create' }).click();
    await dialog().getByLabel('Name').fill('bridge');
    await dialog().getByText('There is a network of this name.').waitFor();
    await dialog().getByLabel('Name').fill('quay');
    await dialog().getByLabel('Subnet').fill('10.249.0.0/24');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: 'quay' }).click();
    await page.getByText('Nobody is on it now.').waitFor();
    await page.getByRole('button', { name: 'Connect a container' }).click();
    await dialog().getByLabel('Address').fill('10.249.0.77');
    await dialog().getByRole('button', { name: 'Connect' }).click();
    await page.getByText('10.249.0.77/24').waitFor();
    expect(
      await docker('network', 'inspect', 'quay', '-f', '{{range .Containers}}{{.Name}}{{end}}'),
    ).toBe('hold');
    await page.getByRole('button', { name: 'Disconnect hold' }).click();
    await page.getByText('Nobody is on it now.').waitFor();
    await shoot(page, '11-network-light');
  });

  it('of Docker itself cannot be removed; others can', async () => {
    await go('Networks');
    expect(await page.getByRole('button', { name: 'Remove bridge' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Remove quay' }).click();
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('row', { name: 'quay' }).waitFor({ state: 'detached' });
    expect((await docker('network', 'ls', '--format', '{{.Name}}')).split('\n').toSorted()).toEqual(
      ['bridge', 'host', 'none'],
    );
  });
});

describe('disk use', () => {
  it('tells what can be won back, names it, and wins it', async () => {
    await docker('create', '--name', 'idle', 'busybox', 'true');
    await docker('volume', 'create', 'ballast');
    await go('Disk use');
    await page.getByRole('heading', { name: 'Volumes' }).waitFor();
    await page.getByRole('button', { name: /^Win back/ }).click();
    await dialog().getByText('idle').waitFor();
    await dialog().getByText('ballast').waitFor();
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('status').getByText('won back').waitFor();
    expect(await docker('ps', '-a', '--format', '{{.Names}}')).toBe('hold');
    expect(await docker('volume', 'ls', '-q')).toBe('cargo');
    await shoot(page, '12-disk-light');
  });
});

describe('the palette', () => {
  it('stops a container by typing', async () => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Commands' }).fill('kill hold');
    await page.getByRole('option', { name: 'kill hold' }).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => docker('ps', '-q')).toBe('');
  });

  it('leads anywhere by keys, but not while somebody types', async () => {
    await go('Volumes');
    await page.getByRole('heading', { name: 'Volumes' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('gn');
    expect(await page.getByLabel('Search volumes').inputValue()).toBe('gn');
    await page.getByText('Nothing matches the search.').waitFor();
    await page.getByRole('heading', { name: 'Volumes' }).click();
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.getByRole('heading', { name: 'Networks' }).waitFor();
  });
});

describe('settings', () => {
  it('hold at once and are there after a reload', async () => {
    await go('Settings');
    await page.getByRole('button', { name: 'dark', exact: true }).click();
    await page.getByLabel('Font size').fill('17');
    await page.getByText('Graph driver').waitFor();
    await expect
      .poll(() => page.evaluate(() => document.documentElement.dataset['theme']))
      .toBe('dark');
    await page.reload();
    await page.getByLabel('Font size').waitFor();
    expect(await page.getByLabel('Font size').inputValue()).toBe('17');
    await page.getByRole('button', { name: 'system', exact: true }).click();
  });
});

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  it('nothing stands in the way of anybody', async () => {
    const window = await app.open(theme);
    const places = ['Volumes', 'Networks', 'Disk use', 'Hosts', 'Settings', 'Activity'];
    for (const place of places) {
      await window.getByRole('navigation').getByRole('link', { name: place, exact: true }).click();
      await window.getByRole('heading', { name: place, level: 1 }).waitFor();
      await expect.poll(() => window.getByLabel('Loading').count()).toBe(0);
      expect([place, await findBarriers(window)]).toEqual([place, []]);
    }
    await window.keyboard.press('Control+k');
    await window.getByRole('combobox', { name: 'Commands' }).waitFor();
    expect(await findBarriers(window)).toEqual([]);
    await window.close();
  });
});
