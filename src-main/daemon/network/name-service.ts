/** Names of containers on user networks, kept here and served by the resolver worker. */
import type { Log } from '../log/log.ts';
import { WorkerClient } from '../platform/worker-client.ts';
import type { NamedEndpoint, VisibleNetwork } from './name-table.ts';
import type { ResolverCalls, ResolverSandbox } from './resolver-calls.ts';

export class NameService implements AsyncDisposable {
  readonly #log: Log;
  readonly #worker: WorkerClient<ResolverCalls>;
  readonly #endpoints = new Map<string, { networkId: string; endpoint: NamedEndpoint }>();
  readonly #sandboxes = new Map<string, ResolverSandbox>();

  constructor(log: Log) {
    this.#log = log;
    this.#worker = new WorkerClient<ResolverCalls>('resolver-worker', import.meta.url, (error) =>
      this.#onLost(error),
    );
  }

  async add(networkId: string, endpoint: NamedEndpoint): Promise<void> {
    this.#endpoints.set(endpoint.id, { networkId, endpoint });
    await this.#worker.call('setEndpoint', networkId, endpoint);
  }

  async remove(endpointId: string): Promise<void> {
    const known = this.#endpoints.get(endpointId);
    if (!this.#endpoints.delete(endpointId) || !known) return;
    await this.#worker.call('removeEndpoint', known.networkId, endpointId);
  }

  isServing(sandboxId: string): boolean {
    return this.#sandboxes.has(sandboxId);
  }

  /** Starts the name server of a sandbox. */
  async serve(sandbox: ResolverSandbox): Promise<void> {
    await this.#worker.call('serve', sandbox);
    this.#sandboxes.set(sandbox.id, { ...sandbox, replaces: true });
  }

  /** Tells the name server of a sandbox, if it has one, which networks it is on now. */
  async setNetworks(sandboxId: string, networks: readonly VisibleNetwork[]): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox) await this.serve({ ...sandbox, networks });
  }

  /** One that does not run is fine. */
  async stop(sandboxId: string): Promise<void> {
    if (this.#sandboxes.delete(sandboxId)) await this.#worker.call('stop', sandboxId);
  }

  /** The worker comes back with the next call: it learns everything anew. */
  #onLost(loss: Error): void {
    this.#log.error('name resolution is started again', { error: loss.message });
    const failed = (reason: unknown): void =>
      this.#log.error('name resolution is lost', { error: String(reason) });
    for (const { networkId, endpoint } of this.#endpoints.values())
      this.#worker.call('setEndpoint', networkId, endpoint).catch(failed);
    for (const sandbox of this.#sandboxes.values())
      this.#worker.call('serve', sandbox).catch(failed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#worker[Symbol.asyncDispose]();
  }
}
