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
    await docker(
      'run',
      '-d',
      '--name',
      'ship',
      '--stop-signal',
      'KILL',
      '-v',
      '/cargo',
      'busybox',
      'sleep',
      '600',
    );
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
    await page.getByRole('heading', { name: 'ship', exact: true }).waitFor();
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
  }, 90_000);

  it.each(['light', 'dark'] as const)(
    'stands in nobody’s way, %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await openWizard();
      for (const step of ['Image', 'Network', 'Limits', 'Review']) {
        await goToStep(step);
        if (step === 'Network') await page.getByRole('button', { name: 'Add to Ports' }).click();
        if (step === 'Limits') await page.getByLabel('Memory, slider').waitFor();
        expect([step, await findBarriers(page)]).toEqual([step, []]);
      }
      await shoot(page, `24-wizard-review-${colorScheme}`);
    },
    90_000,
  );
});

describe('the log', () => {
  const logLines = () => page.getByRole('log').locator('.log-line');

  it('is searched, filtered by stream, coloured, saved and cleared', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await docker(
      ...['run', '-d', '--name', 'scribe', 'busybox', 'sh', '-c'],
      'for i in 1 2 3 4 5 6 7 8 9; do echo "knot $i"; done; echo "storm ahead" >&2; printf "\\033[32mgreen\\033[0m\\n"; exec sleep 600',
    );
    await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
    await page.getByRole('row', { name: /^scribe/ }).click();
    await expect.poll(() => logLines().count()).toBe(11);
    await page.locator('.ansi-2').getByText('green').waitFor();
    await page.getByRole('button', { name: 'Errors' }).click();
    await expect.poll(() => logLines().allInnerTexts()).toEqual(['storm ahead']);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByLabel('Search the log').fill('knot [3-5]');
    await page.getByText('0 matches').waitFor();
    await page.getByLabel('Regex').check();
    await expect.poll(() => logLines().allInnerTexts()).toEqual(['knot 3', 'knot 4', 'knot 5']);
    await page.getByLabel('Only matches').uncheck();
    await expect.poll(() => logLines().count()).toBe(11);
    expect(await page.locator('mark').count()).toBe(3);
    await page.getByRole('button', { name: 'Next match' }).click();
    await page.getByRole('button', { name: 'Next match' }).click();
    await expect.poll(() => page.locator('.log-line.current').innerText()).toBe('knot 4');
    await shoot(page, '25-log-search');
    await page.getByLabel('Search the log').fill('(');
    await page.getByText('Not a regular expression').waitFor();
    await page.getByLabel('Search the log').fill('');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('scribe.log');
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => logLines().count()).toBe(0);
  });

  it('stays usable in a flood', async () => {
    await docker(
      ...['run', '-d', '--name', 'flood', 'busybox', 'sh', '-c'],
      'seq 1 60000; exec sleep 600',
    );
    await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
    await page.getByRole('row', { name: /^flood/ }).click();
    await expect.poll(() => logLines().last().innerText(), { timeout: 20_000 }).toBe('60000');
    await page.getByRole('log').hover();
    await page.mouse.wheel(0, -3000);
    await page.getByRole('button', { name: 'Follow the end' }).click();
    await expect.poll(() => logLines().last().innerText()).toBe('60000');
  });
});

describe('the list', () => {
  it('keeps a project together, folds it, acts on all of it after one question that names them', async () => {
    for (const name of ['shop-db', 'shop-web'])
      await docker(
        ...['run', '-d', '--name', name, '--label', 'com.docker.compose.project=shop'],
        ...['busybox', 'sleep', '600'],
      );
    await page.getByRole('navigation').getByRole('link', { name: 'Containers' }).click();
    const project = page.getByRole('row', { name: 'Project shop' });
    await project.getByText('2 of 2 running').waitFor();
    await page
      .getByRole('row', { name: /^shop-db/ })
      .getByText('%')
      .waitFor();
    await shoot(page, '26-list-light');
    expect(await findBarriers(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await findBarriers(page)).toEqual([]);
    await shoot(page, '27-list-dark');
    await project.getByRole('button', { name: 'shop', exact: true }).click();
    await page.getByRole('row', { name: /^shop-db/ }).waitFor({ state: 'detached' });
    await project.getByRole('button', { name: 'Remove project shop' }).click();
    await page.getByRole('dialog').getByText('shop-web').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await project.waitFor({ state: 'detached' });
    expect(await docker('ps', '-aq', '--filter', 'name=shop')).toBe('');
  }, 60_000);
});
