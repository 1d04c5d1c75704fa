/** Our own daemon on a host that has none, or has an older one: looked over, brought there, started, taken away. */
import { createReadStream } from 'node:fs';
import { conflict, errorMessage, internal, unavailable } from '../../../shared/errors.ts';
import type { InstallPlan, InstallProgress } from '../../../shared/shell/contract.ts';
import { engineJson } from '../engine-request.ts';
import type { Ask } from '../questions.ts';
import type { SshHost } from '../ssh/ssh-host.ts';
import type { DaemonBundle } from './daemon-bundle.ts';
import {
  appendCommand,
  checkCommand,
  installScript,
  parseSurvey,
  removeScript,
  SURVEY,
  type Survey,
  TIDY,
  uploadedCommand,
} from './remote-scripts.ts';
import { RootShell } from './root-shell.ts';

/** Node's names of processors → uname's. */
const ARCHITECTURES: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };
/** What Node 24's own builds need. */
const OLDEST_GLIBC = 2.28;
/** Bundle, its unpacked form twice over, and some to live on. */
const NEEDED_BYTES = 1024 ** 3;
const VERIFY_LIMIT_MS = 60_000;

export interface RemoteInstallParts {
  readonly host: SshHost;
  /** As the person calls it. */
  readonly name: string;
  readonly ask: Ask;
  makeBundle(): Promise<DaemonBundle>;
  /** Told when there is an engine, or none any more. */
  onChanged(): void;
}

export class RemoteInstall {
  readonly #parts: RemoteInstallParts;

  constructor(parts: RemoteInstallParts) {
    this.#parts = parts;
  }

  /** What would be done there, for a person to agree to. Changes nothing. */
  async plan(): Promise<InstallPlan> {
    const survey = await this.#survey();
    const { id, sizeBytes } = await this.#parts.makeBundle();
    const { user, isRoot, hasSystemd, missing, installed } = survey;
    const size = `${Math.round(sizeBytes / 1e6)} MB`;
    const steps = [
      ...(missing.length > 0 ? [`apt-get install ${missing.join(' ')}`] : []),
      `upload windlassd, ${size}, and put it in /opt/windlass`,
      hasSystemd
        ? 'run it as the systemd service windlassd, now and at every start'
        : 'start it now; there is no systemd, so after a restart of the machine: /opt/windlass/control start',
      ...(isRoot ? [] : [`make a group windlass with ${user} in it, who may then use the engine`]),
    ];
    const problem = problemOf(survey);
    return {
      system: survey.system,
      state: installed === '' ? 'none' : installed === id ? 'current' : 'older',
      needsSudo: !isRoot,
      steps,
      ...(problem !== undefined && { problem }),
    };
  }

  /** Installs or updates; the host's engine answers when it ends. Throws what a person can act on. */
  async *install(signal: AbortSignal): AsyncGenerator<InstallProgress> {
    const { host, name } = this.#parts;
    const survey = await this.#survey();
    const problem = problemOf(survey);
    if (problem !== undefined) throw conflict(`${name}: ${problem}`);
    yield { step: 'Packing windlassd' };
    const bundle = await this.#parts.makeBundle();
    yield* this.#upload(bundle, signal);
    const uploads = await this.#check(bundle);
    const root = new RootShell(host, survey, this.#parts.ask);
    const script = installScript({
      ...bundle,
      uploads,
      user: survey.isRoot ? '' : survey.user,
      packages: survey.missing,
    });
    yield* stepsOf(root.run(script, signal));
    await host.run(TIDY);
    yield { step: 'Asking it for its version' };
    // Membership in its group counts from the next log-in on.
    host.reset();
    const version = await this.#verify();
    this.#parts.onChanged();
    yield { step: `${version} runs there` };
  }

  /** Takes it away; its containers are stopped. With `withData` all it kept goes too. */
  async *remove(withData: boolean, signal: AbortSignal): AsyncGenerator<InstallProgress> {
    const { host, name } = this.#parts;
    const survey = await this.#survey();
    if (survey.installed === '')
      throw conflict(`${name}: windlassd was not set up there by Windlass`);
    yield { step: 'Stopping its containers' };
    await this.#stopContainers(withData, signal);
    const root = new RootShell(host, survey, this.#parts.ask);
    yield* stepsOf(root.run(removeScript(withData), signal));
    host.reset();
    this.#parts.onChanged();
  }

  async #survey(): Promise<Survey> {
    return parseSurvey((await this.#parts.host.run(SURVEY)).stdout);
  }

  /** Goes on where an upload of the same bundle was cut. */
  async *#upload(bundle: DaemonBundle, signal: AbortSignal): AsyncGenerator<InstallProgress> {
    const { host, name } = this.#parts;
    const { stdout } = await host.run(uploadedCommand(bundle.sha256));
    const there = Number(stdout.trim().split('\n').at(-1));
    let done = there <= bundle.sizeBytes ? there : 0;
    const total = bundle.sizeBytes;
    const progress = (): InstallProgress => ({ step: 'Uploading', done, total });
    yield progress();
    if (done === total) return;
    const channel = await host.exec(appendCommand(bundle.sha256));
    channel.resume();
    channel.stderr.resume();
    const failed = new Promise<never>((_, reject) => {
      channel.on('error', reject);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    failed.catch(() => undefined);
    const closed = new Promise((resolve) => channel.once('close', resolve));
    try {
      let told = done;
      for await (const chunk of createReadStream(bundle.path, {
        start: done,
      }) as AsyncIterable<Buffer>) {
        if (!channel.write(chunk))
          await Promise.race([failed, new Promise((resolve) => channel.once('drain', resolve))]);
        done += chunk.length;
        if (done - told < 1024 ** 2) continue;
        told = done;
        yield progress();
      }
      channel.end();
      await Promise.race([failed, closed]);
      yield progress();
    } catch (error) {
      channel.close();
      signal.throwIfAborted();
      throw unavailable(
        `the upload to ${name} was cut at ${Math.round(done / 1e6)} of ${Math.round(total / 1e6)} MB (${errorMessage(error)}); the next one goes on from there`,
        { cause: error },
      );
    }
  }

  async #check({ sha256 }: DaemonBundle): Promise<string> {
    const { code, stdout } = await this.#parts.host.run(checkCommand(sha256));
    if (code === 0) return stdout.trim().split('\n').at(-1) ?? '';
    throw internal(
      `what arrived on ${this.#parts.name} is not what was sent; it was removed, try again`,
    );
  }

  async #verify(): Promise<string> {
    const signal = AbortSignal.timeout(VERIFY_LIMIT_MS);
    const { Version, Platform } = await engineJson<{
      Version: string;
      Platform?: { Name: string };
    }>(this.#parts.host, 'GET', '/version', signal);
    return Platform?.Name ?? Version;
  }

  async #stopContainers(withData: boolean, signal: AbortSignal): Promise<void> {
    const { host } = this.#parts;
    const containers = await engineJson<{ Id: string }[]>(
      host,
      'GET',
      `/containers/json${withData ? '?all=1' : ''}`,
      signal,
    ).catch(() => []);
    await Promise.all(
      containers.map(({ Id }) =>
        withData
          ? engineJson(host, 'DELETE', `/containers/${Id}?force=1`, signal)
          : engineJson(host, 'POST', `/containers/${Id}/stop?t=10`, signal),
      ),
    );
  }
}

function problemOf(survey: Survey): string | undefined {
  const { kernel, architecture, libc, isRoot, hasSudo, hasApt, missing, freeBytes } = survey;
  const wanted = ARCHITECTURES[process.arch] ?? process.arch;
  const glibc = Number(/^glibc (\d+\.\d+)/.exec(libc)?.[1]?.replace(/\.(\d)$/, '.0$1') ?? 'NaN');
  if (kernel !== 'Linux')
    return `it runs ${kernel || 'no system that says its name'}, and windlassd needs Linux`;
  if (architecture !== wanted)
    return `its processor is ${architecture}, and the windlassd at hand is for ${wanted}`;
  if (!(glibc >= OLDEST_GLIBC)) return `windlassd needs glibc ${OLDEST_GLIBC} or newer`;
  if (!isRoot && !hasSudo) return 'this user is not root there, and sudo is not installed';
  if (missing.length > 0 && !hasApt) return `${missing.join(', ')} must be installed there first`;
  if (freeBytes < NEEDED_BYTES) return 'less than 1 GB is free below /opt';
  return undefined;
}

async function* stepsOf(lines: AsyncIterable<string>): AsyncGenerator<InstallProgress> {
  for await (const line of lines) if (line.startsWith('step ')) yield { step: line.slice(5) };
}
