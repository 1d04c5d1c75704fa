/** The create wizard both ways, duplicate, and edit and recreate, in Chromium; docker sees the same. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

const docker = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await app.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const goToStep = (name: string): Promise<void> =>
  page.locator('.steps').getByRole('button', { name }).click();
const openWizard = async (): Promise<void> => {
  await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
  await page.getByRole('link', { name: 'Create' }).first().click();
  await page.getByRole('heading', { name: 'Create a container' }).waitFor();
};

beforeAll(async () => {
  app = await TestApp.start();
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

describe('the create wizard', () => {
  it('is filled by a pasted line and makes what the line would', async () => {
    await openWizard();
    await page.getByText('I have a “docker run …” line').click();
    await page
      .getByLabel('Command line to fill the form from')
      .fill(
        'docker run -d --rm --name pasted -e A=b --health-cmd true -m 32m --cap-drop NET_RAW --label x=y busybox sleep 600',
      );
    await expect.poll(() => page.getByLabel('Name', { exact: true }).inputValue()).toBe('pasted');
    await goToStep('Health');
    expect(await page.getByLabel('Check', { exact: true }).inputValue()).toBe('true');
    await shoot(page, '20-wizard-health');
    await goToStep('Limits');
    await page.getByLabel('Memory, slider').waitFor();
    await shoot(page, '21-wizard-limits');
    await goToStep('Review');
    await page.getByRole('button', { name: 'Create and start' }).click();
    await page.getByRole('heading', { name: 'pasted' }).waitFor();
    const made = await docker(
      ...[
        'inspect',
        '-f',
        '{{.HostConfig.Memory}} {{.HostConfig.CapDrop}} {{.HostConfig.AutoRemove}} {{.Config.Labels.x}} {{.Config.Healthcheck.Test}}',
      ],
      'pasted',
    );
    expect(made).toBe('33554432 [NET_RAW] true y [CMD-SHELL true]');
  });

  it('says what is wrong while it is typed', async () => {
    await docker('run', '-d', '--name', 'holder', '-p', '18999:80', 'busybox', 'sleep', '600');
    await openWizard();
    await page.getByLabel('Image', { exact: true }).fill('busybox');
    await page.getByLabel('Name', { exact: true }).fill('holder');
    await page.getByText('Another container has this name.').waitFor();
    await goToStep('Network');
    await page.getByRole('button', { name: 'Add to Ports' }).click();
    await page.getByLabel('Container port').fill('80');
    await page.getByLabel('Host port').fill('18999');
    await page.getByText('holder uses this host port.').waitFor();
    await goToStep('Review');
    expect(await page.getByRole('button', { name: 'Create and start' }).isDisabled()).toBe(true);
    await shoot(page, '22-wizard-problems');
  });

  it('is the way to edit: same name, same volumes, new settings; a failure leaves the old one', async () => {
    await docker('run', '-d', '--name', 'ship', '-v', '/cargo', 'busybox', 'sleep', '600');
    await docker('exec', 'ship', 'sh', '-c', 'echo tea > /cargo/hold');
    const open = async (item: string): Promise<void> => {
      await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
      await page.getByRole('button', { name: 'More for ship' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await open('Edit and recreate…');
    await goToStep('Command');
    await page.getByLabel('Command', { exact: true }).fill('sleep 500');
    await goToStep('Review');
    await page.getByRole('button', { name: 'Recreate' }).click();
    await page.getByRole('heading', { name: 'ship' }).waitFor();
    expect(await docker('inspect', '-f', '{{.Config.Cmd}} {{.State.Status}}', 'ship')).toBe(
      '[sleep 500] running',
    );
    expect(await docker('exec', 'ship', 'cat', '/cargo/hold')).toBe('tea');
    await open('Edit and recreate…');
    await goToStep('Command');
    await page.getByLabel('Command', { exact: true }).fill('no-such-program');
    await goToStep('Review');
    await page.getByRole('button', { name: 'Recreate' }).click();
    await page.getByRole('alert').getByText('no-such-program').waitFor();
    expect(await docker('inspect', '-f', '{{.Config.Cmd}} {{.State.Status}}', 'ship')).toBe(
      '[sleep 500] running',
    );
    expect(await docker('ps', '-a', '--format', '{{.Names}}')).not.toContain('before');
    await open('Rename…');
    await page.getByLabel('New name').fill('yacht');
    await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('row', { name: /^yacht/ }).waitFor();
    await page.getByRole('button', { name: 'More for yacht' }).click();
    await page.getByRole('menuitem', { name: 'Change limits…' }).click();
    await page.getByRole('dialog').getByLabel('Memory', { exact: true }).fill('48m');
    await shoot(page, '23-limits');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await docker('inspect', '-f', '{{.HostConfig.Memory}}', 'yacht')).toBe('50331648');
  });

  it.each(['light', 'dark'] as const)('stands in nobody’s way, %s', async (theme) => {
    const window = await app.open(theme);
    await window.getByRole('link', { name: 'Create' }).first().click();
    for (const step of ['Image', 'Command', 'Network', 'Files', 'Limits', 'Security', 'Review']) {
      await window.locator('.steps').getByRole('button', { name: step }).click();
      for (const add of await window.getByRole('button', { name: /^Add to/ }).all())
        if (await add.isVisible()) await add.click();
      expect([step, await findBarriers(window)]).toEqual([step, []]);
    }
    await window.close();
  });
});
