/** The list of containers as a person arranges it: order, columns, filters kept, and all of it by keyboard. */
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
