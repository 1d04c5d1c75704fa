/** The real app as a person starts it, a window on it in Chromium, and the docker CLI on the same daemon. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AxeResults, source as axeSource } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { type CommandResult, command, type RunOptions } from './daemon.ts';
import { busyboxImage, dockerArchive } from './fixture-images.ts';
import { findLeaks, type Leaks, type MachineSnapshot, snapshotMachine } from './leak-guard.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const shots = join(project, '.cache/screenshots');
let nextSubnet = process.pid % 50;

export class TestApp implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'windlass-app-'));
  readonly #before: MachineSnapshot = snapshotMachine();
  readonly #subnet = `10.${150 + (nextSubnet++ % 50)}.0.1/16`;
  #child: ChildProcess | undefined;
  #browser: Browser | undefined;
  #address = '';

  /** Starts the app with busybox loaded; `sshConfig` becomes the user's ssh_config. */
  static async start(options: { readonly sshConfig?: string } = {}): Promise<TestApp> {
    const app = new TestApp();
    mkdirSync(join(app.root, 'home/.ssh'), { recursive: true, mode: 0o700 });
    writeFileSync(join(app.root, 'home/.ssh/config'), options.sshConfig ?? '');
    mkdirSync(shots, { recursive: true });
    await app.launch();
    const archive = await dockerArchive([
      { image: await busyboxImage(), tags: ['busybox:latest'] },
    ]);
    const loaded = await app.docker(['load'], { input: archive });
    if (loaded.code !== 0) throw new Error(`docker load: ${loaded.stderr}`);
    return app;
  }

  get socket(): string {
    return join(this.root, 'docker.sock');
  }

  /** Starts it again after it was stopped, or for the first time. */
  async launch(): Promise<void> {
    const options = [
      ...['--web', '--data-root', join(this.root, 'data'), '--exec-root', join(this.root, 'exec')],
      ...['--pidfile', join(this.root, 'pid'), '-H', `unix://${this.socket}`],
      ...['--bip', this.#subnet],
    ];
    const child = spawn(process.execPath, [join(project, 'dist/src-main/main.js'), ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        HOME: join(this.root, 'home'),
        XDG_CONFIG_HOME: join(this.root, 'config'),
        DOCKER_CONFIG: join(this.root, 'docker'),
      },
    });
    this.#child = child;
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      const line = /^Windlass: (http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{64})$/m.exec(text);
      if (!line?.[1]) continue;
      this.#address = line[1];
      return;
    }
    throw new Error(`the app ended without an address: ${text}`);
  }

  /** A new window on the app. */
  async open(colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
    this.#browser ??= await launchChromium();
    const page = await this.#browser.newPage({
      viewport: { width: 1280, height: 800 },
      colorScheme,
    });
    await page.goto(this.#address);
    return page;
  }

  docker(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return command('docker', args, {
      ...options,
      env: { DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: join(this.root, 'docker') },
    });
  }

  leaks(): Leaks {
    return findLeaks(this.root, this.#before);
  }

  /** Ends window and app; the containers go on. */
  async stop(): Promise<void> {
    await this.#browser?.close();
    this.#browser = undefined;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** Removes every container, then ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { stdout } = await this.docker(['ps', '-aq']);
    const ids = stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await this.docker(['rm', '-f', ...ids]);
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Takes a picture for a person to look at. */
export const shoot = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(shots, `${name}.png`) });

/** What axe finds serious or worse on the page, as `rule: element`. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}
