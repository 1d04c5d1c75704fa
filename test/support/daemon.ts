/** A real windlassd of the test's own, started as a user would, and the docker CLI pointed at it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { judgeAnswer } from './api-document.ts';
import { answersPing, type EngineAnswer, engineRequest } from './engine-request.ts';
import { busyboxImage, dockerArchive } from './fixture-images.ts';
import { findLeaks, type Leaks, type MachineSnapshot, snapshotMachine } from './leak-guard.ts';

const START_LIMIT_MS = 60_000;
const entry = fileURLToPath(new URL('../../src-main/windlassd.ts', import.meta.url));
let nextSubnet = 40 + (process.pid % 40);

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Runs a program to its end; its exit code is an answer, not a failure. */
export function command(
  program: string,
  args: readonly string[],
  options: RunOptions & { env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      [...args],
      {
        env: { ...process.env, ...options.env },
        cwd: options.cwd,
        timeout: options.timeoutMs ?? 30_000,
        maxBuffer: 256 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 124) : 0;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

export class TestDaemon implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'windlassd-'));
  readonly #before: MachineSnapshot = snapshotMachine();
  readonly #options: readonly string[];
  readonly #subnet = `10.${nextSubnet++ % 250}.0.1/16`;
  #child: ChildProcess | undefined;

  private constructor(options: readonly string[]) {
    this.#options = options;
  }

  /** Starts one and loads busybox into it. */
  static async start(options: readonly string[] = []): Promise<TestDaemon> {
    const daemon = new TestDaemon(options);
    await daemon.launch();
    const archive = await dockerArchive([
      { image: await busyboxImage(), tags: ['busybox:latest'] },
    ]);
    const loaded = await daemon.docker(['load'], { input: archive });
    if (loaded.code !== 0) throw new Error(`docker load: ${loaded.stderr}`);
    return daemon;
  }

  get socket(): string {
    return join(this.root, 'docker.sock');
  }

  get execRoot(): string {
    return join(this.root, 'exec');
  }

  get dataRoot(): string {
    return join(this.root, 'data');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  arguments(): string[] {
    return [
      entry,
      ...['--data-root', this.dataRoot, '--exec-root', this.execRoot],
      ...['--pidfile', join(this.root, 'pid'), '-H', `unix://${this.socket}`],
      ...['--bip', this.#subnet, '--log-level', 'debug', ...this.#options],
    ];
  }

  /** Starts the process; `env` is added to the environment. */
  spawn(env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, this.arguments(), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    child.stderr.pipe(createWriteStream(join(this.root, 'daemon.log'), { flags: 'a' }));
    this.#child = child;
    return child;
  }

  /** Starts it and waits until it answers. */
  async launch(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const child = this.spawn(env);
    const limit = Date.now() + START_LIMIT_MS;
    while (!(await answersPing(this.socket))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > limit)
        throw new Error(`windlassd did not start, see ${this.root}/daemon.log`);
      await delay(20);
    }
  }

  docker(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return command('docker', args, { ...options, env: { DOCKER_HOST: `unix://${this.socket}` } });
  }

  /** One API request; the body comes back as text. Fails when it is not what the API's document says. */
  async api(method: string, path: string, body?: unknown): Promise<EngineAnswer> {
    const answer = await engineRequest(this.socket, method, path, body);
    judgeAnswer(method, path, answer);
    return answer;
  }

  /** Ends the daemon; answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return exited;
  }

  /** Resolves when the daemon has died by itself; false when it lives on. */
  async died(limitMs: number): Promise<boolean> {
    const child = this.#child;
    const isDead = (): boolean => !child || child.exitCode !== null || child.signalCode !== null;
    const limit = Date.now() + limitMs;
    while (!isDead() && Date.now() < limit) await delay(10);
    return isDead();
  }

  leaks(): Leaks {
    return findLeaks(this.root, this.#before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}
