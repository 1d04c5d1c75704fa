/** Terminals as a person works with them: tabs, splits, search, and that nothing but closing ends one. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

beforeAll(async () => {
  app = await TestApp.start();
  await app.docker(['run', '-d', '--name', 'deck', 'busybox', 'sleep', '1000']);
  page = await app.open('dark');
  await page.getByRole('row', { name: /^deck/ }).click();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

const soon = { timeout: 20_000 };
const pane = (index = 0) => page.locator('.terminal-pane').nth(index);
const text = (index = 0) => pane(index).locator('.xterm-rows').innerText();
const type = async (line: string, index = 0): Promise<void> => {
  await pane(index).locator('.xterm-helper-textarea').focus();
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
};
/** Processes of the container that a terminal began. */
const shells = async (): Promise<number> =>
  (await app.docker(['top', 'deck'])).stdout.split('\n').filter((line) => /\bash\b/.test(line))
    .length;

describe('terminals', () => {
  it('open a shell by themselves, stand in tabs and side by side, and have the size they show', async () => {
    await page.getByRole('tab', { name: 'terminal' }).click();
    await expect.poll(text, soon).toContain('#');
    await type('echo first-$((1+1))');
    await expect.poll(text, soon).toContain('first-2');
    await page.getByRole('button', { name: 'New shell' }).click();
    await page.getByRole('tab', { name: 'Shell 2' }).waitFor();
    await page.getByRole('button', { name: 'Split: another beside it' }).click();
    await expect.poll(() => page.locator('.terminal-pane').count(), soon).toBe(2);
    await expect.poll(() => text(1), soon).toContain('#');
    await type('echo "$(stty size)="', 1);
    await expect.poll(() => text(1), soon).toMatch(/^(\d+) (\d+)=$/m);
    const columns = Number(/^\d+ (\d+)=$/m.exec(await text(1))?.[1]);
    expect(columns).toBeGreaterThan(30);
    expect(columns).toBeLessThan(80);
    await shoot(page, '20-terminals-dark');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('tab', { name: 'Shell', exact: true }).click();
    await expect.poll(text, soon).toContain('first-2');
  });

  it('go on with what they have shown when the window is loaded again', async () => {
    await page.reload();
    await page.getByRole('tab', { name: 'terminal' }).click();
    await page.getByRole('tab', { name: 'Shell 2 | Shell 3' }).waitFor();
    await page.getByRole('tab', { name: 'Shell', exact: true }).click();
    await expect.poll(text, soon).toContain('first-2');
    await type('echo again-$((1+2))');
    await expect.poll(text, soon).toContain('again-3');
  });

  it('are searched', async () => {
    await type('seq 1 3000');
    await expect.poll(text, soon).toContain('3000');
    await pane().locator('.xterm-helper-textarea').focus();
    await page.keyboard.press('Control+Shift+F');
    await page.getByLabel('Search the terminal').fill('77[78]');
    await page.getByLabel('Expression').check();
    await expect
      .poll(() => page.locator('.terminal-search [role=status]').innerText(), soon)
      .toBe('6 of 6');
    await page.getByRole('button', { name: 'Match before' }).click();
    await expect
      .poll(() => page.locator('.terminal-search [role=status]').innerText(), soon)
      .toBe('5 of 6');
    await shoot(page, '21-terminal-search-dark');
    await page.keyboard.press('Escape');
    await page.getByLabel('Search the terminal').waitFor({ state: 'detached' });
  });

  it('begin as another user in another directory, and say why when they cannot', async () => {
    const open = page.getByRole('button', { name: 'New, with user, directory or command' });
    await open.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User').fill('1000:7');
    await dialog.getByLabel('Directory').fill('/tmp');
    await dialog.getByRole('button', { name: 'Open', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await type('echo "$(id -u) $(id -g) $PWD ✓ 漢字"');
    await expect.poll(text, soon).toContain('1000 7 /tmp ✓ 漢字');
    await page.getByRole('button', { name: 'Close this terminal' }).click();
  });

  it('stand together on one page, of whatever container or host, in the size and colours chosen', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Settings' }).click();
    await page.getByLabel('Font size').fill('18');
    await page.getByLabel('Always dark').uncheck();
    await page.getByRole('button', { name: 'light' }).click();
    await page.getByRole('navigation').getByRole('link', { name: 'Terminals' }).click();
    await page.getByRole('button', { name: 'This machine' }).click();
    await page.getByRole('tab', { name: 'this machine: On this machine' }).waitFor();
    await type('docker ps --format {{.Names}}=');
    await expect.poll(text, soon).toContain('deck=');
    await page.getByRole('tab', { name: 'deck: Shell', exact: true }).click();
    const rows = pane().locator('.xterm-rows');
    await expect.poll(() => rows.evaluate((e) => getComputedStyle(e).fontSize), soon).toBe('18px');
    await shoot(page, '22-terminals-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('tab', { name: 'this machine: On this machine' }).click();
    await page.getByRole('button', { name: 'Close this terminal' }).click();
  });

  it('end their processes when they are closed', async () => {
    expect(await shells()).toBe(3);
    await page.getByRole('tab', { name: 'Shell 2' }).click();
    await page.getByRole('button', { name: 'Close this terminal' }).click();
    await expect.poll(shells, soon).toBe(2);
  });

  it('say that their container died, and start it again', async () => {
    await app.docker(['kill', 'deck']);
    await page.getByRole('tab').first().click();
    await page.getByText('The container is not running: Exited (137)').waitFor();
    await shoot(page, '23-terminal-dead-light');
    await page.getByRole('button', { name: 'Start it again' }).click();
    await expect.poll(text, soon).toMatch(/^\/ # *$/m);
    await type('echo alive-$((3+4))');
    await expect.poll(text, soon).toContain('alive-7');
  });
});
