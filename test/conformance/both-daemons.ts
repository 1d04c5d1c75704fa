/**
 * The same docker commands on ours and on a real dockerd 20.10, what they print and answer compared.
 *
 * Each row is a list of steps; a step is one line for bash, so pipes, `&`, `kill`, here-documents and `$?` are at
 * hand. Both daemons run the row at the same time, each in its own namespaces; stdout, stderr and exit code of
 * each step must be the same once ids, times and addresses are out. After a row all containers are removed,
 * and networks and volumes it made.
 *
 * In a step: `docker` is the CLI that belongs to dockerd; `$DIR` an empty directory of the row; `inside CMD`
 * runs CMD in the daemon's network and mounts; `api METHOD PATH [BODY]` is one request, its status at the end; `wait_for CMD` repeats until CMD succeeds.
 *
 * A row must have one answer only: docker's CLI and daemon keep binds, links, labels, env maps and ulimits in
 * maps, so print one of them or sort.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAnswer } from '../support/api-document.ts';
import { ConfinedDaemon } from '../support/confined-daemon.ts';
import { type CommandResult, command } from '../support/daemon.ts';
import type { EngineAnswer } from '../support/engine-request.ts';
import { busyboxImage, dockerArchive } from '../support/fixture-images.ts';
import { normalise } from './normalise.ts';

const START_LIMIT_MS = 240_000;
const STEP_LIMIT_MS = 60_000;
const windlassd = fileURLToPath(new URL('../../src-main/windlassd.ts', import.meta.url));
/** The CLI of Debian's docker.io; another in front of it on the PATH is another version. */
const DOCKER = '/usr/bin/docker';

export interface Row {
  readonly name: string;
  /** Lines for bash, one process each. */
  readonly steps: readonly string[];
  /** The row's own, after the common one. */
  readonly normalise?: (text: string) => string;
  /** Private addresses and MACs are compared too. */
  readonly keepAddresses?: boolean;
}

/** A row by its name and its steps. */
export const row = (name: string, ...steps: readonly string[]): Row => ({ name, steps });

export interface SuiteOptions {
  /** A `docker load` archive beside busybox:latest, the same for both. */
  readonly archive?: () => Promise<Buffer>;
  /** Once, on each daemon, before the first row: lines for bash that must succeed. */
  readonly prepare?: readonly string[];
}

const FUNCTIONS = `
wait_for() {
  local i
  for i in $(seq 600); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done
  echo "never happened: $*" >&2
  return 1
}
is_state() { [ "$(docker inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
api() {
  curl -sS --unix-socket "$DAEMON_SOCKET" -X "$1" -H 'Content-Type: application/json' \
    -d "$3" -w ' → %{http_code}\n' "http://engine/v1.41$2"
}
inside() { nsenter -t "$DAEMON_INIT" -n -m -p -- "$@"; }
`;

interface Names {
  readonly containers: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
}

/** One of the two, with a shell whose `docker` speaks to it. */
export class ComparedEngine implements AsyncDisposable {
  readonly daemon: ConfinedDaemon;
  readonly #bin: string;
  #baseline: Names | undefined;

  readonly #isOurs: boolean;

  constructor(daemon: ConfinedDaemon, isOurs: boolean) {
    this.#isOurs = isOurs;
    this.daemon = daemon;
    this.#bin = join(daemon.root, 'bin');
    mkdirSync(this.#bin);
    mkdirSync(join(daemon.root, 'client'));
    symlinkSync(DOCKER, join(this.#bin, 'docker'));
    writeFileSync(join(this.#bin, 'functions'), FUNCTIONS);
  }

  /** One line for bash. */
  shell(line: string, input: string | Buffer = ''): Promise<CommandResult> {
    return command('bash', ['-c', line], {
      input,
      timeoutMs: STEP_LIMIT_MS,
      cwd: this.daemon.scratch,
      env: {
        PATH: `${this.#bin}:${process.env['PATH'] ?? ''}`,
        BASH_ENV: join(this.#bin, 'functions'),
        // At the first level, with a socket as its input, bash would read ~/.bashrc instead.
        SHLVL: '2',
        DOCKER_HOST: `unix://${this.daemon.socket}`,
        DOCKER_CONFIG: join(this.daemon.root, 'client'),
        DOCKER_API_VERSION: '',
        DAEMON_SOCKET: this.daemon.socket,
        DAEMON_INIT: this.daemon.init,
        DIR: this.daemon.scratch,
        LC_ALL: 'C.UTF-8',
      },
    });
  }

  async must(line: string, input?: Buffer): Promise<void> {
    const { code, stderr } = await this.shell(line, input);
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
  }

  /** What is there now and is to stay after each row. */
  async keepWhatIsThere(): Promise<void> {
    this.#baseline = await this.#names();
  }

  async runRow(row: Row): Promise<readonly CommandResult[]> {
    mkdirSync(this.daemon.scratch, { recursive: true });
    const results: CommandResult[] = [];
    try {
      for (const step of row.steps) {
        const { code, stdout, stderr } = await this.shell(step);
        const clean = (text: string): string => this.#normalise(row, text);
        results.push({ code, stdout: clean(stdout), stderr: clean(stderr) });
      }
    } finally {
      await this.#removeWhatIsNew();
      rmSync(this.daemon.scratch, { recursive: true, force: true });
    }
    return results;
  }

  #normalise(row: Row, text: string): string {
    const { scratch, dataRoot, execRoot, root } = this.daemon;
    const common = normalise(text, {
      paths: [
        [scratch, '<dir>'],
        [dataRoot, '<data>'],
        [execRoot, '<exec>'],
        [root, '<root>'],
      ],
      keepAddresses: row.keepAddresses ?? false,
    });
    return row.normalise ? row.normalise(common) : common;
  }

  /** One API request; ours is held to the API's document. */
  async api(method: string, path: string): Promise<EngineAnswer> {
    const answer = await this.daemon.api(method, path);
    if (this.#isOurs) judgeAnswer(method, path, answer);
    return answer;
  }

  async #list<T>(path: string): Promise<T> {
    const { status, body } = await this.api('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${body}`);
    return JSON.parse(body) as T;
  }

  async #names(): Promise<Names> {
    const [containers, volumes, networks] = await Promise.all([
      this.#list<{ Id: string }[]>('/containers/json?all=1'),
      this.#list<{ Volumes: { Name: string }[] | null }>('/volumes'),
      this.#list<{ Id: string }[]>('/networks'),
    ]);
    return {
      containers: new Set(containers.map(({ Id }) => Id)),
      volumes: new Set((volumes.Volumes ?? []).map(({ Name }) => Name)),
      networks: new Set(networks.map(({ Id }) => Id)),
    };
  }

  async #removeWhatIsNew(): Promise<void> {
    const now = await this.#names();
    const isNew = (kind: keyof Names, name: string): boolean =>
      !(this.#baseline?.[kind].has(name) ?? false);
    const remove = (kind: keyof Names, query = ''): Promise<unknown> =>
      Promise.all(
        [...now[kind]]
          .filter((name) => isNew(kind, name))
          .map((name) => this.api('DELETE', `/${kind}/${name}${query}`)),
      );
    if (this.#isOurs) {
      for (const id of [...now.containers].filter((name) => isNew('containers', name)))
        for (const version of ['/v1.41', '/v1.44'])
          await this.api('GET', `${version}/containers/${id}/json`);
    }
    await remove('containers', '?force=1&v=1');
    await Promise.all([remove('volumes', '?force=1'), remove('networks')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
  }
}

export interface BothDaemons extends AsyncDisposable {
  readonly ours: ComparedEngine;
  readonly theirs: ComparedEngine;
}

/** Starts both, with busybox and the suite's images. Whoever disposes of it ends both. */
export async function startBothDaemons(options: SuiteOptions = {}): Promise<BothDaemons> {
  await using stack = new AsyncDisposableStack();
  const start = async (
    name: 'ours' | 'theirs',
    words: readonly string[],
  ): Promise<ComparedEngine> =>
    stack.use(new ComparedEngine(await ConfinedDaemon.start(name, words), name === 'ours'));
  const started = await Promise.allSettled([
    start('ours', [process.execPath, windlassd]),
    start('theirs', ['dockerd']),
  ]);
  const [ours, theirs] = started.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  }) as [ComparedEngine, ComparedEngine];
  const busybox = await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]);
  const archive = await options.archive?.();
  await Promise.all(
    [ours, theirs].map(async (engine) => {
      await engine.must('docker load', busybox);
      if (archive) await engine.must('docker load', archive);
      for (const line of options.prepare ?? []) await engine.must(line);
      await engine.keepWhatIsThere();
    }),
  );
  const owned = stack.move();
  return { ours, theirs, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** With CONFORMANCE_SHOW=1: what dockerd answered, to see that a row shows what it is meant to. */
function show(row: Row, results: readonly CommandResult[]): void {
  const steps = results.map(({ code, stdout, stderr }, index) =>
    [`$ ${row.steps[index]}`, stdout.trimEnd(), stderr.trimEnd(), `→ ${code}`]
      .filter((line) => line !== '')
      .join('\n'),
  );
  process.stdout.write(`\n## ${row.name}\n${steps.join('\n')}\n`);
}

/** A suite of rows on both daemons, started once. */
export function describeRows(title: string, rows: readonly Row[], options?: SuiteOptions): void {
  describe(title, () => {
    let both: BothDaemons;
    beforeAll(async () => {
      both = await startBothDaemons(options);
    }, START_LIMIT_MS);
    afterAll(() => both?.[Symbol.asyncDispose](), START_LIMIT_MS);

    it.each(rows)(
      '$name',
      async (row) => {
        const [ours, theirs] = await Promise.all([both.ours.runRow(row), both.theirs.runRow(row)]);
        if (process.env['CONFORMANCE_SHOW']) show(row, theirs);
        expect(ours).toEqual(theirs);
      },
      STEP_LIMIT_MS * 2,
    );
  });
}
