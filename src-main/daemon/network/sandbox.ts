/** A live sandbox. */
import type { Endpoint } from './endpoints.ts';
import type { SandboxRequest, SandboxState } from './network-controller.ts';

export interface Sandbox {
  readonly request: SandboxRequest;
  /** Path of the namespace; '' for the host's. */
  readonly key: string;
  /** By network id, in order of attachment. */
  readonly endpoints: Map<string, Endpoint>;
  state: SandboxState;
}

/** What a sandbox is made of, before it is live. */
export type Scene = Omit<Sandbox, 'state'>;
