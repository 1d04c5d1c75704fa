/** What helps a person on: starting what is there and seeing how it goes, and finding out what is wrong. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

beforeAll(async () => {
  app = await TestApp.start();
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

const soon = { timeout: 20_000 };
const startAs = async (way: RegExp): Promise<void> => {
  await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
  await page.getByRole('button', { name: 'More for dinghy' }).click();
  await page.getByRole('menuitem', { name: 'Start…' }).click();
  await page.getByRole('dialog').getByLabel(way).check();
  if (way.source.includes('launch')) {
    await shoot(page, '30-start-light');
    expect(await findBarriers(page)).toEqual([]);
  }
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
};

describe('a first container', () => {
  it('is one click away, without the internet', async () => {
    await page.getByText('No containers yet').waitFor();
    await shoot(page, '35-first-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Run a sample' }).click();
    await page.getByRole('heading', { name: 'sample' }).waitFor();
    await expect.poll(() => page.getByRole('log').innerText(), soon).toContain('Ahoy!');
    await app.docker(['rm', '-f', 'sample']);
    const secret = ['-e', 'KEY=environment-is-private'];
    await app.docker(['create', '-it', '--name', 'dinghy', ...secret, 'busybox', 'sh']);
  });
});

describe('a container that is there already', () => {
  it('is started with a terminal on its main process', async () => {
    await startAs(/main process/);
    await expect.poll(() => page.locator('.xterm-rows').innerText(), soon).toContain('#');
    await page.keyboard.type('echo joined-$((40+2)); exit');
    await page.keyboard.press('Enter');
    await page.getByText('The container is not running: Exited (0)').waitFor();
    expect(await page.locator('.xterm-rows').innerText()).toContain('joined-42');
  });

  it('is started in the background, its launch shown step by step', async () => {
    await startAs(/launch/);
    await expect
      .poll(() => page.getByLabel('start').first().innerText(), soon)
      .toContain('runtime create');
  });
});

describe('troubleshooting', () => {
  it('tells how each part is, what the engine said, and a report without secrets', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Troubleshooting' }).click();
    const parts = page.getByRole('list', { name: 'Parts' });
    for (const words of [/Engine.*answers in \d+ ms/, /containerd.*version/, /overlay2|vfs/])
      await parts.getByRole('listitem').filter({ hasText: words }).first().waitFor();
    await page.getByLabel('Engine log').getByText('API listen on').waitFor();
    await page.getByRole('button', { name: 'Show the report' }).click();
    const report = page.getByLabel('Report');
    await expect.poll(() => report.innerText()).toContain('busybox running');
    expect(await report.innerText()).not.toContain('environment-is-private');
    await shoot(page, '31-troubleshooting-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: /^Theme/ }).click();
    await page.getByRole('button', { name: /^Theme/ }).click();
    await shoot(page, '32-troubleshooting-dark');
    expect(await findBarriers(page)).toEqual([]);
  });
});
