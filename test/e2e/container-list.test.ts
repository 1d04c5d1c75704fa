/** The list of containers as a person arranges it: order, columns, filters kept, and all of it by keyboard. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

beforeAll(async () => {
  app = await TestApp.start();
  const run = (name: string, ...more: string[]) =>
    app.docker(['create', '--name', name, ...more, 'busybox', 'sleep', '1000']);
  await run('bravo', '-v', 'crates:/stores');
  await run('alpha');
  await run('shop-web', '--label', 'com.docker.compose.project=shop');
  await run('charlie');
  await run('shop-db', '--label', 'com.docker.compose.project=shop');
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

const rows = () => page.getByRole('rowgroup').getByRole('row');
const names = async (): Promise<string[]> =>
  (await rows().evaluateAll((all) => all.map((row) => row.getAttribute('aria-label') ?? ''))).map(
    (label) => label.split(',')[0] ?? '',
  );

describe('the list of containers', () => {
  it('is sorted by what its headings say, projects kept together', async () => {
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await expect
      .poll(names)
      .toEqual(['alpha', 'bravo', 'charlie', 'Project shop', 'shop-db', 'shop-web']);
    await page.getByRole('button', { name: 'shop', exact: true }).click();
    await page.getByRole('button', { name: 'Name', exact: true }).click();
    await expect.poll(names).toEqual(['Project shop', 'charlie', 'bravo', 'alpha']);
  });

  it('is walked, chosen from and acted on by the keyboard', async () => {
    await page.getByRole('row', { name: /^charlie/ }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press(' ');
    await page.getByText('1 selected').waitFor();
    await page.keyboard.press('Delete');
    await page.getByRole('heading', { name: 'Remove bravo?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear' }).click();
  });

  it('has the columns a person chose, also next time', async () => {
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Mounts' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Ports' }).click();
    await shoot(page, '27-columns-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page
      .getByRole('row', { name: /^bravo/ })
      .getByText('crates:/stores')
      .waitFor();
    await page.reload();
    await page.getByRole('columnheader', { name: 'Mounts' }).waitFor();
    expect(await page.getByRole('columnheader', { name: 'Ports' }).count()).toBe(0);
  });

  it('keeps filters under a name', async () => {
    await page.getByLabel('Search containers').fill('shop');
    await page.getByRole('button', { name: 'stopped' }).click();
    await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByRole('menuitem', { name: 'Keep this filter' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Shop, down');
    await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
    await page.getByRole('button', { name: 'Shop, down' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByRole('menuitem', { name: 'Shop, down' }).click();
    await expect.poll(names).toEqual(['Project shop', 'shop-db', 'shop-web']);
    await shoot(page, '28-filter-light');
    expect(await findBarriers(page)).toEqual([]);
  });
});

describe('the logs of a project', () => {
  const log = () => page.getByRole('log').innerText();
  const say = (name: string, words: string) =>
    app.docker(['exec', name, 'sh', '-c', `echo ${words} > /proc/1/fd/1`]);

  it('stand in one view, told apart by name, hidden and shown one by one', async () => {
    await app.docker(['start', 'shop-web', 'shop-db']);
    await page.getByLabel('Search containers').fill('');
    await page.getByRole('button', { name: 'all', exact: true }).click();
    await page.getByRole('link', { name: 'Logs of project shop' }).click();
    await page.getByRole('heading', { name: 'Logs of shop' }).waitFor();
    for (const [name, words] of [
      ['shop-web', 'first'],
      ['shop-db', 'second'],
      ['shop-web', 'third'],
    ] as const)
      await say(name, words);
    await expect.poll(log).toMatch(/shop-web\s+first\s+shop-db\s+second\s+shop-web\s+third/);
    await shoot(page, '29-logs-of-a-project-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel('shop-db').uncheck();
    await expect.poll(log).not.toContain('second');
    await page.getByLabel('shop-db').check();
  });

  it('end where a person says, and are exported whole', async () => {
    await page.getByLabel('Period').selectOption('between two times');
    await page.getByLabel('until').fill('2020-01-01T00:00:00');
    await page.getByText('Nothing to show here yet.').waitFor();
    await page.getByLabel('Period').selectOption('from the start');
    await expect.poll(log).toContain('third');
    await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showSaveFilePicker'));
    const coming = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    const text = readFileSync(await (await coming).path(), 'utf8');
    expect(text).toMatch(
      /==> shop-db <==\n\S+Z second\n==> shop-web <==\n\S+Z first\n\S+Z third\n/,
    );
  });
});
