/** What the controller asks of its resolver worker. */
import type { NamedEndpoint, VisibleNetwork } from './name-table.ts';
import type { Upstream } from './resolv-conf.ts';

/** A container that asks. */
export interface ResolverSandbox {
  readonly id: string;
  /** Of its network namespace. */
  readonly path: string;
  readonly networks: readonly VisibleNetwork[];
  readonly upstreams: readonly Upstream[];
  /** Single words are answered here or not at all. */
  readonly isNdotsSet: boolean;
  /** Redirects of an earlier daemon may be there. */
  readonly replaces: boolean;
}

export interface ResolverCalls {
  setEndpoint(networkId: string, endpoint: NamedEndpoint): void;
  removeEndpoint(networkId: string, endpointId: string): void;
  /** Listens in the container; one that listens already takes the new networks and upstreams. */
  serve(sandbox: ResolverSandbox): Promise<void>;
  /** Closes its sockets, which hold the namespace. */
  stop(sandboxId: string): Promise<void>;
}
