/** What a container and an image show of themselves, as a person reads it. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let app: TestApp;
let page: Page;
let registry: TestRegistry;

const WORK = 'echo changed > /etc/hostile; rm -r /bin/sh.old; while :; do :; done';
const tab = (name: string): Promise<void> => page.getByRole('tab', { name }).click();
const go = (name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

beforeAll(async () => {
  registry = await startRegistry();
  app = await TestApp.start();
  await app.docker(['run', '-d', '--name', 'busy', '--cpus', '0.2', 'busybox', 'sh', '-c', WORK]);
  page = await app.open();
  await page.getByRole('row', { name: /^busy/ }).click();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

describe('a container', () => {
  it('shows what it uses, over time, and keeps the curve when the tab is left', async () => {
    await tab('stats');
    const chart = page.getByRole('figure').filter({ hasText: 'Processor' });
    // A busy loop uses some of the processor on any machine.
    await expect
      .poll(async () => Number.parseFloat(await chart.getByRole('status').innerText()), {
        timeout: 20_000,
      })
      .toBeGreaterThan(0.5);
    await page.getByText('docker stats').waitFor();
    await shoot(page, '13-stats-light');
    await tab('logs');
    await tab('stats');
    await chart.getByRole('status').waitFor();
    expect(await page.getByText('The first figures come in a second.').count()).toBe(0);
  });

  it('shows its processes', async () => {
    await tab('processes');
    await page.getByRole('columnheader', { name: 'PID', exact: true }).waitFor();
    await page.getByRole('row', { name: /while :/ }).waitFor();
  });

  it('shows what it did to the files of its image', async () => {
    await tab('changes');
    await page.getByRole('row', { name: '/etc/hostile added' }).waitFor();
    await page.getByLabel('Search paths').fill('nothing-of-the-kind');
    await page.getByText('Nothing matches the search.').waitFor();
  });

  it.each(['stats', 'processes', 'changes', 'inspect', 'launch'])(
    'bars nobody from its %s',
    async (name) => {
      await tab(name);
      expect(await findBarriers(page)).toEqual([]);
    },
  );
});

describe('an image', () => {
  it('shows its layers, how it starts and who uses it', async () => {
    await go('Images');
    await page.getByRole('link', { name: 'busybox:latest' }).click();
    await page.getByRole('list', { name: 'Layers' }).getByRole('listitem').first().waitFor();
    await page.getByRole('link', { name: 'busy', exact: true }).waitFor();
    await shoot(page, '14-image-light');
    expect(await findBarriers(page)).toEqual([]);
  });

  it('gets another name, is pushed under it, and loses it again', async () => {
    const name = `${registry.host}/pier/busybox:2`;
    await page.getByRole('button', { name: 'Tag' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(name);
    await page.getByRole('dialog').getByRole('button', { name: 'Tag' }).click();
    await page.getByRole('button', { name: `Push ${name}` }).click();
    await page.getByLabel('Pulls').getByText('digest: sha256:').waitFor();
    const answer = await fetch(`${registry.url}/v2/pier/busybox/tags/list`);
    expect(await answer.json()).toEqual({ name: 'pier/busybox', tags: ['2'] });
    await page.getByRole('button', { name: `Take the name ${name} away` }).click();
    await page.getByRole('button', { name: `Push ${name}` }).waitFor({ state: 'detached' });
    const { stdout } = await app.docker(['images', '--format', '{{.Repository}}:{{.Tag}}']);
    expect(stdout.trim()).toBe('busybox:latest');
  });
});
