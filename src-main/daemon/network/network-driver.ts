/** What a kind of network does; the controller knows networks only through this. */
import type { EndpointLink } from './link-calls.ts';
import type { NetworkRecord } from './network-store.ts';

/** An endpoint that has its addresses. */
export interface EndpointPlan {
  readonly id: string;
  readonly mac: string;
  /** With prefix, one a family. */
  readonly addresses: readonly string[];
}

export interface NetworkDriver {
  readonly name: string;
  /** Its networks have subnets and can be made by users; otherwise there is just the one built in. */
  readonly hasSubnets: boolean;
  /** Its networks may have several subnets of a family. */
  readonly takesSeveralSubnets: boolean;
  /** Ports of its containers can be reached through the host's. */
  readonly publishesPorts: boolean;
  /**
   * Checks a new network against the options and the machine and answers it with the driver's own part.
   * Changes nothing. Throws what the client is to see.
   */
  plan(record: NetworkRecord, others: readonly NetworkRecord[]): Promise<NetworkRecord>;
  /** Makes, or brings to what is recorded, what the networks stand on. Several at the daemon's start. */
  bringUp(records: readonly NetworkRecord[]): Promise<void>;
  /** Removes it; parts that are gone are skipped. */
  takeDown(record: NetworkRecord): Promise<void>;
  /** Containers send what is for elsewhere to an address of the network's. */
  hasGateway(record: NetworkRecord): boolean;
  /** How a container is plugged in; undefined: nothing to plug. */
  link(record: NetworkRecord, endpoint: EndpointPlan): EndpointLink | undefined;
}

/** `host` and `null`: nothing to make. */
export const bareDriver = (name: 'host' | 'null'): NetworkDriver => ({
  name,
  hasSubnets: false,
  takesSeveralSubnets: false,
  publishesPorts: false,
  plan: async (record) => record,
  bringUp: async () => undefined,
  takeDown: async () => undefined,
  hasGateway: () => false,
  link: () => undefined,
});
