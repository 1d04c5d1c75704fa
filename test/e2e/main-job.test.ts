/**
 * The main job as a person does it, in Chromium against the real app: pull from a real registry, create
 * with the wizard, type in the terminal, read the log, stop, remove; the docker CLI sees the same.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { command } from '../support/daemon.ts';
import { busyboxImage } from '../support/fixture-images.ts';
import {
  findLeaks,
  type MachineSnapshot,
  NO_LEAKS,
  snapshotMachine,
} from '../support/leak-guard.ts';
import { pushImage } from '../support/push-image.ts';
import { startRegistry } from '../support/registry.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const shots = join(project, '.cache/screenshots');
let root: string;
let before: MachineSnapshot;
let app: ChildProcess;
let address: string;
let browser: Browser;
let page: Page;
let registry: Awaited<ReturnType<typeof startRegistry>>;
let image: string;

const docker = (...args: string[]) =>
  command('docker', args, { env: { DOCKER_HOST: `unix://${root}/docker.sock` } });
const shoot = (name: string) => page.screenshot({ path: join(shots, `${name}.png`) });

/** Starts the built app and answers the address it prints. */
async function startApp(): Promise<string> {
  app = spawn(
    process.execPath,
    [
      join(project, 'dist/src-main/main.js'),
      '--web',
      ...['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
      ...[
        '--pidfile',
        join(root, 'pid'),
        '-H',
        `unix://${root}/docker.sock`,
        '--bip',
        '10.251.0.1/16',
      ],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, XDG_CONFIG_HOME: join(root, 'config') },
    },
  );
  let text = '';
  for await (const chunk of app.stdout ?? []) {
    text += String(chunk);
    const line = /^Windlass: (http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{64})$/m.exec(text);
    if (line?.[1]) return line[1];
  }
  throw new Error(`the app ended without an address: ${text}`);
}

async function stopApp(): Promise<void> {
  const ended = new Promise((resolve) => app.once('exit', resolve));
  app.kill('SIGTERM');
  await ended;
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'windlass-app-'));
  before = snapshotMachine();
  mkdirSync(shots, { recursive: true });
  registry = await startRegistry();
  image = `${registry.host}/harbour/busybox:1`;
  await pushImage(registry.url, 'harbour/busybox', await busyboxImage(), { tag: '1' });
  address = await startApp();
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  await page.goto(address);
});

afterAll(async () => {
  await browser?.close();
  await docker('rm', '-f', 'cabin');
  await stopApp();
  await registry?.[Symbol.asyncDispose]();
  expect(findLeaks(root, before)).toEqual(NO_LEAKS);
  rmSync(root, { recursive: true, force: true });
});

const typeInTerminal = async (text: string): Promise<void> => {
  await page.locator('.terminal-place .xterm-helper-textarea').focus();
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
};
const terminalText = () => page.locator('.terminal-place .xterm-rows').innerText();

describe('the main job in the window', () => {
  it('keeps the token out of the address and says what to do first', async () => {
    expect(page.url()).not.toContain('token');
    await expect.poll(() => page.getByText('No containers yet').isVisible()).toBe(true);
    await shoot('01-empty-light');
  });

  it('refuses strangers: no cookie, wrong token, other origin', async () => {
    const origin = new URL(address).origin;
    for (const url of [origin, `${origin}/?token=${'0'.repeat(64)}`])
      expect((await fetch(url, { redirect: 'manual' })).status).toBe(403);
    const forged = await fetch(`${origin}/`, { headers: { Host: 'evil.example' } }).catch(
      () => undefined,
    );
    expect(forged?.status ?? 403).toBe(403);
  });

  it('pulls an image, and keeps showing the pull on every page', async () => {
    await page.getByRole('link', { name: 'Images' }).click();
    await page.getByLabel('Image to pull').fill(image);
    await page.getByRole('button', { name: 'Pull' }).click();
    await page.getByRole('link', { name: 'Containers', exact: true }).click();
    await expect
      .poll(() => page.getByLabel('Pulls').innerText())
      .toContain('Downloaded newer image');
    await page.getByRole('link', { name: 'Images' }).click();
    await expect.poll(() => page.getByRole('table').innerText()).toContain('harbour/busybox');
    await shoot('02-images');
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it('shows the error of a pull that fails', async () => {
    await page.getByLabel('Image to pull').fill(`${registry.host}/no/such:thing`);
    await page.getByRole('button', { name: 'Pull' }).click();
    await expect.poll(() => page.locator('.pull-failed').innerText()).toContain('manifest unknown');
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it("checks the wizard's fields before anything is made, then creates and starts", async () => {
    await page.getByRole('button', { name: `Create a container from ${image}` }).click();
    await page.getByLabel('Name').fill('no spaces');
    await page.getByRole('button', { name: 'Next' }).click();
    await expect
      .poll(() => page.getByText('beginning with a letter or digit').isVisible())
      .toBe(true);
    await page.getByLabel('Name').fill('cabin');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Command', { exact: true }).fill('sh -c "echo ahoy; exec sh"');
    await page.getByRole('button', { name: 'Add to Environment' }).click();
    await page.getByLabel('Variable').fill('CARGO');
    await page.getByLabel('Value', { exact: true }).fill('tea chests');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Add to Ports' }).click();
    await page.getByLabel('Container port').fill('80');
    await page.getByRole('button', { name: 'Limits' }).click();
    await page.getByLabel('Memory', { exact: true }).fill('64m');
    await page.getByRole('button', { name: 'Review', exact: true }).last().click();
    expect(await page.getByLabel('Equivalent command').innerText()).toBe(
      `docker run -d -it --name cabin -e 'CARGO=tea chests' -p 80 -m 64m ${image} sh -c 'echo ahoy; exec sh'`,
    );
    await shoot('03-review');
    await page.getByRole('button', { name: 'Create and start' }).click();
    await expect.poll(() => page.getByRole('heading', { name: 'cabin' }).isVisible()).toBe(true);
    const { stdout } = await docker(
      'inspect',
      '-f',
      '{{.State.Status}} {{.HostConfig.Memory}}',
      'cabin',
    );
    expect(stdout).toBe(`running ${64 * 1024 * 1024}\n`);
  });

  it('shows the log', async () => {
    await expect.poll(() => page.getByRole('log').innerText()).toContain('ahoy');
    await shoot('04-logs');
  });

  it("has a terminal: typed input, the window's size, and it stays when the tab is left", async () => {
    await page.getByRole('tab', { name: 'terminal' }).click();
    await expect.poll(terminalText).toContain('#');
    await typeInTerminal('echo "$CARGO $((40 + 2))"');
    await expect.poll(terminalText).toContain('tea chests 42');
    await typeInTerminal('stty size');
    await expect.poll(terminalText).toMatch(/\n(\d\d) (\d\d\d)\s/);
    const first = /\n(\d\d) (\d\d\d)\s/.exec(await terminalText())?.[1];
    await page.setViewportSize({ width: 1280, height: 600 });
    await page.waitForTimeout(300);
    await typeInTerminal('clear; stty size');
    await expect
      .poll(async () => /^\s*(\d\d) \d\d\d/.exec(await terminalText())?.[1] !== first)
      .toBe(true);
    await page.setViewportSize({ width: 1280, height: 800 });
    await typeInTerminal('echo still-$((1+1))');
    await page.getByRole('tab', { name: 'logs' }).click();
    await page.getByRole('tab', { name: 'terminal' }).click();
    await expect.poll(terminalText).toContain('still-2');
    await shoot('05-terminal');
  });

  it('names a published port once and keeps its buttons in one line', async () => {
    expect(await page.locator('header .link').allInnerTexts()).toEqual([
      expect.stringMatching(/^\d+:80$/),
    ]);
    const tops = await page
      .locator('header > button')
      .evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect().top));
    expect(tops.length).toBeGreaterThan(3);
    expect(new Set(tops).size).toBe(1);
  });

  it('shows how it was launched, step by step', async () => {
    await page.getByRole('tab', { name: 'launch' }).click();
    await expect.poll(() => page.getByLabel('start').innerText()).toContain('runtime create');
    await shoot('06-launch');
    await page.getByRole('tab', { name: 'inspect' }).click();
    await expect
      .poll(() => page.getByLabel('Details as JSON').innerText())
      .toContain('"Name": "/cabin"');
  });

  it('agrees with the docker CLI, in both directions and both themes', async () => {
    await page.getByRole('link', { name: 'Containers', exact: true }).click();
    await docker('run', '-d', '--name', 'typed', image, 'sleep', '600');
    await expect.poll(() => page.getByRole('row', { name: /^typed/ }).isVisible()).toBe(true);
    await page.getByRole('button', { name: /^Theme/ }).click();
    await page.getByRole('button', { name: /^Theme/ }).click();
    await shoot('07-list-dark');
    await page.getByRole('button', { name: 'Kill typed' }).click();
    await expect
      .poll(async () => (await docker('inspect', '-f', '{{.State.Status}}', 'typed')).stdout)
      .toBe('exited\n');
    await page.getByRole('button', { name: 'Remove typed' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect
      .poll(async () => (await docker('ps', '-aq', '--filter', 'name=typed')).stdout)
      .toBe('');
  });

  it('leaves containers running when the app is closed, and finds them again', async () => {
    await stopApp();
    address = await startApp();
    await page.goto(address);
    await expect.poll(() => page.getByRole('row', { name: /^cabin, Up/ }).isVisible()).toBe(true);
  });

  it('stops and removes', async () => {
    await page.getByRole('row', { name: /^cabin/ }).click();
    await page.getByRole('button', { name: 'kill' }).click();
    await expect.poll(() => page.getByText(/Exited \(137\)/).isVisible()).toBe(true);
    await page.getByRole('tab', { name: 'terminal' }).click();
    await expect.poll(() => page.getByText('The container is not running').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => page.getByText('No containers yet').isVisible()).toBe(true);
    expect((await docker('ps', '-aq')).stdout).toBe('');
  });
});
