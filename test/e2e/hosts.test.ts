/** Looking after a machine over SSH from the window, on a real sshd: the question, the screens, a shell, a port. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { BareHost } from '../support/bare-host.ts';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { makeKey, TestSshd } from '../support/sshd.ts';

let far: TestDaemon;
let sshd: TestSshd;
let app: TestApp;
let page: Page;
let keys: string;
let bare: BareHost;
let bareSshd: TestSshd;

const go = (name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

beforeAll(async () => {
  far = await TestDaemon.start();
  await far.docker(['run', '-d', '--name', 'lighthouse', 'busybox', 'sleep', '1000']);
  sshd = await TestSshd.start();
  keys = mkdtempSync(join(tmpdir(), 'windlass-keys-'));
  sshd.authorize(makeKey(join(keys, 'key')));
  bare = await BareHost.start();
  bareSshd = await TestSshd.start([], bare.enter);
  bareSshd.authorize(join(keys, 'key'));
  app = await TestApp.start({
    sshConfig: [
      'Host far',
      '  HostName 127.0.0.1',
      `  Port ${sshd.port}`,
      '  User root',
      'Host bare',
      `  HostName ${bare.address}`,
      `  Port ${bareSshd.port}`,
      '  User root',
      'Host *',
      `  IdentityFile ${join(keys, 'key')}`,
      `  UserKnownHostsFile ${join(keys, 'known_hosts')}`,
    ].join('\n'),
  });
  await app.docker(['run', '-d', '--name', 'homely', 'busybox', 'sleep', '1000']);
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await sshd[Symbol.asyncDispose]();
  await bareSshd[Symbol.asyncDispose]();
  await bare[Symbol.asyncDispose]();
  await far.docker(['rm', '-f', 'lighthouse']);
  await far[Symbol.asyncDispose]();
  rmSync(keys, { recursive: true });
  expect(app.leaks()).toEqual(NO_LEAKS);
});

describe('a host over SSH', () => {
  it('is added by its name in ssh_config, its key shown first', async () => {
    await go('Hosts');
    await page.getByRole('button', { name: 'Add a host' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Destination').fill('far');
    await dialog.getByLabel('Engine socket there').fill(far.socket);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'Is this the right host?' }).waitFor();
    const printed = execFileSync('ssh-keygen', [
      '-lf',
      join(sshd.directory, 'host_ed25519.pub'),
    ]).toString();
    await dialog.getByText(printed.split(' ')[1] ?? 'no fingerprint').waitFor();
    await shoot(page, '15-host-key-light');
    expect(await findBarriers(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Yes, it is' }).click();
    const card = page.getByRole('listitem').filter({ hasText: 'ssh://far' });
    await expect.poll(() => card.locator('.state').innerText()).toMatch(/up|slow/);
    await card.getByText('Kernel').waitFor();
    await shoot(page, '16-hosts-light');
    expect(await findBarriers(page)).toEqual([]);
  });

  it('is shown instead of this machine, and back', async () => {
    const card = page.getByRole('listitem').filter({ hasText: 'ssh://far' });
    await card.getByRole('button', { name: 'Show its containers' }).click();
    await page.getByRole('row', { name: /^lighthouse/ }).waitFor();
    expect(await page.getByRole('row', { name: /^homely/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Stop lighthouse' }).waitFor();
    await page.getByRole('button', { name: 'Kill lighthouse' }).click();
    await expect
      .poll(async () => (await far.docker(['ps', '-q'])).stdout, { timeout: 20_000 })
      .toBe('');
    await page.getByLabel('Host', { exact: true }).selectOption('this machine');
    await page.getByRole('row', { name: /^homely/ }).waitFor();
  });

  it('gets an image of this machine', async () => {
    await go('Images');
    await page.getByRole('link', { name: 'busybox:latest' }).click();
    await page.getByRole('button', { name: 'Copy to a host' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To').selectOption('far');
    await shoot(page, '20-copy-image-light');
    expect(await findBarriers(page)).toEqual([]);
    await far.docker(['tag', 'busybox', 'before']);
    await far.docker(['rmi', 'busybox']);
    await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
    const panel = page.getByRole('complementary', { name: 'Pulls' });
    await panel.getByText('Copied').waitFor();
    expect((await far.docker(['image', 'inspect', 'busybox'])).code).toBe(0);
    await panel.getByRole('button', { name: /^Dismiss/ }).click();
  });

  it('opens its own shell', async () => {
    await go('Hosts');
    const card = page.getByRole('listitem').filter({ hasText: 'ssh://far' });
    await card.getByRole('button', { name: 'Shell' }).click();
    await page.locator('.terminal-place .xterm-helper-textarea').focus();
    await page.keyboard.type('echo over-$((40+2))-$SSH_CONNECTION');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.locator('.terminal-place .xterm-rows').innerText())
      .toContain('over-42-127.0.0.1');
  });

  it('says why when it is gone, and comes back when asked', async () => {
    await go('Hosts');
    await sshd.stop();
    const card = page.getByRole('listitem').filter({ hasText: 'ssh://far' });
    await card.getByText('refuses connections. Does sshd run there?').waitFor();
    await shoot(page, '17-host-lost-light');
    await sshd.launch();
    await card.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => card.locator('.state').innerText()).toMatch(/up|slow/);
  });
});

describe('a host without an engine', () => {
  const bareCard = () => page.getByRole('listitem').filter({ hasText: 'ssh://bare' });

  it('gets one when a person agrees to what would be done', async () => {
    await page.getByRole('button', { name: 'Add a host' }).click();
    await page.getByRole('dialog').getByLabel('Destination').fill('bare');
    await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Yes, it is' }).click();
    await bareCard().getByRole('button', { name: 'Install an engine' }).click();
    const dialog = page.getByRole('dialog', { name: 'An engine on bare' });
    await dialog.getByText('put it in /opt/windlass').waitFor();
    await shoot(page, '18-host-install-plan-light');
    expect(await findBarriers(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    await dialog.getByText('Done.').waitFor({ timeout: 120_000 });
    await shoot(page, '19-host-install-done-light');
    expect(await dialog.getByRole('listitem').allInnerTexts()).toContain('Starting');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => bareCard().locator('.state').innerText()).toMatch(/up|slow/);
  }, 180_000);

  it('loses it again', async () => {
    await bareCard().getByRole('button', { name: 'Engine there' }).click();
    const dialog = page.getByRole('dialog', { name: 'An engine on bare' });
    await dialog.getByLabel('When removing it').check();
    await dialog.getByRole('button', { name: 'Remove it' }).click();
    await dialog.getByText('Done.').waitFor({ timeout: 60_000 });
    expect((await bare.shell('ls /opt')).stdout).not.toContain('windlass');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await bareCard().getByRole('button', { name: 'Install an engine' }).waitFor();
  }, 120_000);
});
