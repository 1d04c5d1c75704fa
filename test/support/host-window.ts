/** A window's side of the shell, with a host book of its own: what a person would click, as calls. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createShellClient } from '../../shared/shell/client.ts';
import type { HostQuestion, HostRow, HostWay, ShellClient } from '../../shared/shell/contract.ts';
import { portPair } from '../../shared/shell/port.ts';
import { serveShell } from '../../shared/shell/server.ts';
import type { Host } from '../../src-main/hosts/host-book.ts';
import { HostDesk, type HostDeskOptions } from '../../src-main/hosts/host-desk.ts';
import { createShellHandlers } from '../../src-main/shell/handlers.ts';
import { RegistryLogins } from '../../src-main/shell/registries/registry-logins.ts';
import { memoryVault } from '../../src-main/shell/registries/secret-vault.ts';
import { SettingsStore } from '../../src-main/shell/settings-store.ts';
import { TerminalDesk } from '../../src-main/shell/terminal/terminal-desk.ts';

const LIMIT_MS = 30_000;

/** What a person answers: the fields, or undefined to decline. */
export type Person = (question: HostQuestion) => readonly string[] | undefined;

export interface Answered {
  readonly status: number;
  readonly text: string;
}

export class HostWindow implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'windlass-window-'));
  readonly knownHosts = join(this.directory, 'known_hosts');
  readonly client: ShellClient;
  readonly desk: HostDesk;
  readonly asked: HostQuestion[] = [];
  #person: Person = () => undefined;
  readonly #stop = new AbortController();

  /** `sshConfig` comes before what keeps the test off the user's own files. */
  constructor(sshConfig = '', fixed: readonly Host[] = [], bundle?: HostDeskOptions['bundle']) {
    const text = `${sshConfig}
Host *
  UserKnownHostsFile ${this.knownHosts}
  GlobalKnownHostsFile none
  IdentityAgent none
  IdentityFile none
`;
    this.desk = new HostDesk(fixed, {
      directory: this.directory,
      sshConfigText: text,
      bundle,
    });
    const [window, shell] = portPair();
    const handlers = createShellHandlers({
      info: {
        name: 'Windlass',
        version: '0',
        shell: 'web',
        platform: 'linux',
        hasNativeDialogs: false,
      },
      hosts: this.desk,
      settings: new SettingsStore(join(this.directory, 'settings.json')),
      terminals: new TerminalDesk(this.desk),
      registries: new RegistryLogins(memoryVault),
      openExternal: async () => undefined,
    });
    serveShell(shell, handlers, () => new AbortController());
    this.client = createShellClient(window);
    void this.#answerQuestions();
  }

  /** Who sits before the window from now on. */
  person(person: Person): void {
    this.#person = person;
  }

  /** Writes lines into the window's known_hosts. */
  know(...lines: readonly string[]): void {
    writeFileSync(this.knownHosts, `${lines.join('\n')}\n`);
  }

  async add(name: string, way: HostWay): Promise<string> {
    return (await this.client.call('hosts.add', { name, way })).id;
  }

  /** Waits until a host is in one of the states. */
  async until(id: string, ...states: readonly HostRow['status']['state'][]): Promise<HostRow> {
    const limit = AbortSignal.timeout(LIMIT_MS);
    let last: HostRow | undefined;
    for await (const rows of this.client.stream('hosts.watch', {}, limit)) {
      last = rows.find((row) => row.id === id);
      if (last && states.includes(last.status.state)) return last;
      // Nothing but a person changes that.
      if (last?.status.state === 'refused') break;
    }
    throw new Error(`never ${states.join(' or ')}: ${JSON.stringify(last?.status)}`);
  }

  open(host: string, path: string, method: 'GET' | 'POST' | 'DELETE' = 'GET') {
    return this.client.duplex('engine.request', { host, method, path, headers: {} });
  }

  /** One engine request to its end. */
  async request(
    host: string,
    path: string,
    method: 'GET' | 'POST' | 'DELETE' = 'GET',
    body?: unknown,
  ): Promise<Answered> {
    const headers: Record<string, string> =
      body === undefined ? {} : { 'Content-Type': 'application/json' };
    const channel = this.client.duplex('engine.request', { host, method, path, headers });
    if (body !== undefined) await channel.write(Buffer.from(JSON.stringify(body)));
    await channel.end();
    const { status } = await channel.head;
    const chunks = await Array.fromAsync(channel.readable);
    return { status, text: Buffer.concat(chunks).toString() };
  }

  async #answerQuestions(): Promise<void> {
    const done = new Set<string>();
    for await (const questions of this.desk.watchQuestions(this.#stop.signal)) {
      for (const question of questions.filter(({ id }) => !done.has(id))) {
        done.add(question.id);
        this.asked.push(question);
        const fields = this.#person(question);
        const answer = fields ? { id: question.id, fields: [...fields] } : { id: question.id };
        await this.client.call('hosts.answer', answer);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.desk[Symbol.dispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
