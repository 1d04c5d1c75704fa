/**
 * Side by side with dockerd on this machine, interleaved, in one run. Prints ratios (ours / dockerd's, below
 * 1 is faster); seconds only so that a ratio can be judged. Needs root and Debian's docker.io.
 * Both keep their data on one new ext4 with a journal, as installers make it: some machines' own have none,
 * where creating files after deleting many is slow for a minute, whoever does it.
 * `npm run bench [-- --rounds N] [-- --only run,load]`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listMounts } from '../../src-main/daemon/platform/mount.ts';
import { command } from '../support/daemon.ts';
import { bigImage, busyboxImage, dockerArchive } from '../support/fixture-images.ts';
import { pushImage } from '../support/push-image.ts';
import { startRegistry } from '../support/registry.ts';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, only: { type: 'string' } },
});
const rounds = Number(options.rounds);
const entry = fileURLToPath(new URL('../../dist/src-main/windlassd.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
const disk = `${root}.ext4`;
const loopDelay = fileURLToPath(new URL('./loop-delay.mjs', import.meta.url));
const loopDelayFile = join(tmpdir(), `windlass-bench-loop-${String(process.pid)}`);

interface Engine {
  readonly name: 'windlass' | 'dockerd';
  readonly socket: string;
  readonly start: () => ChildProcess;
  child?: ChildProcess;
}

const silent = { stdio: 'ignore' } as const;
const engines: readonly [Engine, Engine] = [
  {
    name: 'windlass',
    socket: join(root, 'w.sock'),
    start: () =>
      spawn(
        process.execPath,
        [
          '--import',
          loopDelay,
          entry,
          '--data-root',
          join(root, 'w/data'),
          '--exec-root',
          join(root, 'w/exec'),
          '--pidfile',
          join(root, 'w.pid'),
          '-H',
          `unix://${join(root, 'w.sock')}`,
          '--bip',
          '10.253.0.1/16',
        ],
        { ...silent, env: { ...process.env, LOOP_DELAY_FILE: loopDelayFile } },
      ),
  },
  {
    name: 'dockerd',
    socket: join(root, 'd.sock'),
    start: () =>
      spawn(
        'dockerd',
        [
          '--data-root',
          join(root, 'd/data'),
          '--exec-root',
          join(root, 'd/exec'),
          '-p',
          join(root, 'd.pid'),
          '-H',
          `unix://${join(root, 'd.sock')}`,
          '--bip',
          '10.254.0.1/16',
        ],
        silent,
      ),
  },
];

const docker = (engine: Engine, args: readonly string[], input?: Buffer) =>
  command('docker', args, {
    env: { DOCKER_HOST: `unix://${engine.socket}` },
    timeoutMs: 300_000,
    ...(input ? { input } : {}),
  });

async function must(engine: Engine, args: readonly string[], input?: Buffer): Promise<void> {
  const { code, stderr } = await docker(engine, args, input);
  if (code !== 0) throw new Error(`${engine.name}: docker ${args.join(' ')}: ${stderr}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function launch(engine: Engine): Promise<number> {
  return timed(async () => {
    engine.child = engine.start();
    while ((await docker(engine, ['version'])).code !== 0) await delay(20);
  });
}

async function stop(engine: Engine): Promise<void> {
  const { child } = engine;
  if (!child || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Runs the same on both, turn about; prints the ratio of medians. */
async function compare(
  what: string,
  count: number,
  work: (engine: Engine, round: number) => Promise<unknown>,
  after: (engine: Engine, round: number) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const times = { windlass: [] as number[], dockerd: [] as number[] };
  for (let round = 0; round < count; round++) {
    const order = round % 2 === 0 ? engines : engines.toReversed();
    for (const engine of order) {
      times[engine.name].push(await timed(() => work(engine, round)));
      await after(engine, round);
    }
  }
  report(what, median(times.windlass), median(times.dockerd), 's');
}

function report(what: string, ours: number, theirs: number, unit: string): void {
  process.stdout.write(
    `${what.padEnd(44)} ${(ours / theirs).toFixed(2).padStart(6)}   (${ours.toFixed(3)} / ${theirs.toFixed(3)} ${unit})\n`,
  );
}

/** Resident memory of the daemon and the containerd below it; shims are not counted. */
function residentMb(engine: Engine): number {
  const parents = new Map<string, string>();
  for (const line of execFileSync('ps', ['-eo', 'pid=,ppid=']).toString().trim().split('\n')) {
    const [pid = '', parent = ''] = line.trim().split(/\s+/);
    parents.set(pid, parent);
  }
  const daemon = String(engine.child?.pid);
  const isBelow = (pid: string | undefined): boolean =>
    pid !== undefined && (pid === daemon || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow).reduce((sum, pid) => sum + residentOf(pid), 0);
}

function residentOf(pid: string): number {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('shim')) return 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '0') / 1024;
  } catch {
    // Ended meanwhile.
    return 0;
  }
}

async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

async function main(): Promise<void> {
  process.stdout.write(`ratio = windlass / dockerd, medians of ${rounds}\n`);
  await compareStarts();
  const busybox = await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]);
  for (const engine of engines) await must(engine, ['load'], busybox);
  const benches: Readonly<Record<string, () => Promise<void>>> = {
    run: compareRuns,
    burst: compareBursts,
    load: compareLoads,
    pull: comparePulls,
    ps: compareMany,
    logs: compareLogs,
    save: compareSaves,
  };
  const chosen = options.only?.split(',') ?? Object.keys(benches);
  for (const name of chosen) await benches[name]?.();
  report('memory of the daemon', residentMb(engines[0]), residentMb(engines[1]), 'MB');
}

async function compareStarts(): Promise<void> {
  const starts = { windlass: [] as number[], dockerd: [] as number[] };
  for (let round = 0; round < 3; round++) {
    for (const engine of engines) {
      starts[engine.name].push(await launch(engine));
      await stop(engine);
    }
  }
  report('daemon start', median(starts.windlass), median(starts.dockerd), 's');
  for (const engine of engines) await launch(engine);
}

async function compareRuns(): Promise<void> {
  for (const network of ['bridge', 'none'])
    await compare(`docker run --rm busybox true (${network})`, rounds, (engine) =>
      must(engine, ['run', '--rm', '--network', network, 'busybox', 'true']),
    );
}

async function compareBursts(): Promise<void> {
  await compare('50 containers, 8 at a time', 3, (engine) =>
    inParallel(50, 8, () => must(engine, ['run', '--rm', 'busybox', 'true'])),
  );
}

async function compareLoads(): Promise<void> {
  const archive = await dockerArchive([{ image: await bigImage(), tags: ['big:latest'] }]);
  const path = join(root, 'big.tar');
  writeFileSync(path, archive);
  await compare(
    'docker load of 250 MB',
    Math.min(rounds, 5),
    (engine) => must(engine, ['load', '-q', '-i', path]),
    (engine) => must(engine, ['rmi', 'big:latest']),
  );
}

async function comparePulls(): Promise<void> {
  await using registry = await startRegistry();
  await pushImage(registry.url, 'big', await bigImage(), { tag: 'latest' });
  const name = `${new URL(registry.url).host}/big:latest`;
  await loopDelayMs();
  await compare(
    'docker pull of 250 MB',
    Math.min(rounds, 5),
    (engine) => must(engine, ['pull', '-q', name]),
    (engine) => must(engine, ['rmi', name]),
  );
  process.stdout.write(
    `${'event loop late during pulls, p99'.padEnd(44)} ${(await loopDelayMs()).toFixed(1).padStart(6)} ms\n`,
  );
}

/** How late our daemon's event loop was since the last call. */
async function loopDelayMs(): Promise<number> {
  rmSync(loopDelayFile, { force: true });
  engines[0].child?.kill('SIGUSR2');
  for (;;) {
    try {
      return Number.parseFloat(readFileSync(loopDelayFile, 'utf8'));
    } catch {
      // Not written yet.
      await delay(10);
    }
  }
}

async function compareSaves(): Promise<void> {
  const archive = await dockerArchive([{ image: await bigImage(), tags: ['big:latest'] }]);
  for (const engine of engines) await must(engine, ['load', '-q'], archive);
  await compare('docker save of 250 MB', Math.min(rounds, 5), (engine) =>
    must(engine, ['save', '-o', join(root, `${engine.name}.tar`), 'big:latest']),
  );
  for (const engine of engines) await must(engine, ['rmi', 'big:latest']);
}

async function compareMany(): Promise<void> {
  for (const engine of engines)
    await inParallel(200, 4, () => must(engine, ['create', 'busybox', 'true']));
  await compare('docker ps -a with 200 containers', rounds, (engine) => must(engine, ['ps', '-a']));
  for (const engine of engines) await must(engine, ['container', 'prune', '-f']);
}

async function compareLogs(): Promise<void> {
  const line = 'x'.repeat(99);
  for (const engine of engines)
    await must(engine, [
      'run',
      '--name',
      'logs',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      `yes ${line} | head -c 104857600 > /tmp/f; cat /tmp/f >/dev/stderr`,
    ]);
  await compare('docker logs of 100 MB', 3, (engine) => must(engine, ['logs', 'logs']));
}

function mountDisk(): void {
  execFileSync('truncate', ['-s', '12G', disk]);
  execFileSync('mkfs.ext4', ['-q', disk]);
  execFileSync('mount', ['-o', 'loop', disk, root]);
}

try {
  mountDisk();
  await main();
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const engine of engines) await stop(engine);
  // dockerd leaves its netns directory mounted.
  for (const { mountPoint } of listMounts().filter((one) => one.mountPoint.startsWith(root)))
    execFileSync('umount', ['-l', mountPoint]);
  rmSync(root, { recursive: true, force: true });
  rmSync(disk, { force: true });
  rmSync(loopDelayFile, { force: true });
}
