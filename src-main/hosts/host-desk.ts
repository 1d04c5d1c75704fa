/** What a person does with hosts: adds, removes, reaches them again, answers their questions. */
import { join } from 'node:path';
import { conflict, invalidArgument, unavailable } from '../../shared/errors.ts';
import type { HostQuestion, HostRow, HostWay, NewHost } from '../../shared/shell/contract.ts';
import { DockerContexts } from './docker-contexts.ts';
import { type EngineDialer, socketDialer, tcpDialer } from './engine-dialer.ts';
import { type Host, HostBook } from './host-book.ts';
import { HostStore, type StoredHost } from './host-store.ts';
import { type BundleSource, makeDaemonBundle } from './install/daemon-bundle.ts';
import { RemoteInstall } from './install/remote-install.ts';
import { Questions } from './questions.ts';
import { SshHost } from './ssh/ssh-host.ts';
import { parseDestination } from './ssh/ssh-target.ts';

export interface HostDeskOptions {
  /** Where the book's file is kept. */
  readonly directory: string;
  /** What a daemon for other machines is made of, and where it is kept; undefined: none can be made. */
  readonly bundle?: (BundleSource & { readonly directory: string }) | undefined;
  /** Text of ssh_config; the user's and the system's files when undefined. */
  readonly sshConfigText?: string | undefined;
}

export class HostDesk implements Disposable {
  readonly book: HostBook;
  readonly contexts = new DockerContexts();
  readonly #questions = new Questions();
  readonly #store: HostStore;
  readonly #options: HostDeskOptions;

  /** `fixed` hosts come first and cannot be removed. */
  constructor(fixed: readonly Host[], options: HostDeskOptions) {
    this.#store = new HostStore(join(options.directory, 'hosts.json'));
    this.#options = options;
    this.book = new HostBook(fixed, (id) => this.#questions.list().some(({ host }) => host === id));
    this.#questions.onChange(() => this.book.refresh());
    for (const stored of this.#store.list()) {
      const host = this.#hostFor(stored);
      this.book.add(host);
    }
  }

  /** Writes a host down and connects to it. Throws invalidArgument, conflict. */
  async add(host: NewHost): Promise<HostRow> {
    if (host.way.kind === 'ssh') parseDestination(host.way.destination);
    if (this.book.list().some(({ name }) => name === host.name))
      throw conflict(`there is a host named ${host.name} already`);
    if (host.way.kind === 'context') this.contexts.endpoint(host.way.context);
    return this.book.add(this.#hostFor(await this.#store.add(host)));
  }

  /** Forgets a host. Throws notFound, or invalidArgument for one that nobody added. */
  async remove(id: string): Promise<void> {
    const host = this.book.find(id);
    if (!host.isOwn) throw invalidArgument(`${host.name} belongs to Windlass and stays`);
    this.book.remove(id);
    await this.#store.remove(id);
  }

  /** Throws invalidArgument for a host that is not reached over SSH. */
  sshOf(id: string): SshHost {
    const host = this.book.find(id);
    if (host.dialer instanceof SshHost) return host.dialer;
    throw invalidArgument(`${host.name} is not reached over SSH`);
  }

  /** Sets up our own daemon on a host. Throws invalidArgument for a host that is not reached over SSH. */
  installerOf(id: string): RemoteInstall {
    const { bundle } = this.#options;
    return new RemoteInstall({
      host: this.sshOf(id),
      name: this.book.find(id).name,
      ask: this.#questions.askFor(id),
      makeBundle: async () => {
        if (!bundle) throw unavailable('this Windlass has no daemon to send');
        return makeDaemonBundle(bundle, bundle.directory);
      },
      onChanged: () => this.book.retry(id),
    });
  }

  answer(id: string, fields: readonly string[] | undefined): void {
    this.#questions.answer(id, fields);
  }

  /** The questions now and after every change, until the signal. */
  async *watchQuestions(signal: AbortSignal): AsyncGenerator<HostQuestion[]> {
    // The book's version counts questions too.
    for await (const _hosts of this.book.watch(signal)) yield this.#questions.list();
  }

  [Symbol.dispose](): void {
    this.book[Symbol.dispose]();
  }

  #hostFor({ id, name, way }: StoredHost): Host {
    return { id, name, kind: way.kind, isOwn: true, dialer: this.#dialerFor(id, way) };
  }

  #dialerFor(id: string, way: HostWay): EngineDialer {
    if (way.kind === 'socket') return socketDialer(way.path);
    if (way.kind === 'tcp') return tcpDialer(way);
    if (way.kind === 'ssh') return this.#sshHost(id, way.destination, way.engineSocket);
    const endpoint = this.contexts.endpoint(way.context);
    return 'ssh' in endpoint ? this.#sshHost(id, endpoint.ssh) : endpoint;
  }

  #sshHost(id: string, destination: string, engineSocket?: string): SshHost {
    return new SshHost({
      destination: parseDestination(destination),
      engineSocket,
      ask: this.#questions.askFor(id),
      configText: this.#options.sshConfigText,
    });
  }
}
