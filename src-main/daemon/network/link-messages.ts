/** What the network controller asks of its link worker. */

/** One end of a veth in a container. */
export interface EndpointLink {
  readonly bridge: string;
  readonly hostName: string;
  readonly containerName: string;
  readonly mac: string;
  readonly address: string;
  readonly prefix: number;
  /** Set on the endpoint that has the default route. */
  readonly gateway: string | undefined;
  readonly mtu: number;
}

export type LinkRequest =
  | {
      readonly kind: 'ensureBridge';
      readonly name: string;
      readonly mac: string;
      readonly mtu: number;
      readonly alias: string;
      /** undefined: an adopted bridge keeps its own. */
      readonly address: string | undefined;
      readonly prefix: number;
    }
  | {
      readonly kind: 'createSandbox';
      readonly path: string;
      readonly endpoints: readonly EndpointLink[];
    }
  | { readonly kind: 'addEndpoint'; readonly path: string; readonly endpoint: EndpointLink }
  | { readonly kind: 'dropSandbox'; readonly path: string }
  | { readonly kind: 'deleteLink'; readonly name: string };

export interface ToLinkWorker {
  readonly id: number;
  readonly request: LinkRequest;
}

export interface FromLinkWorker {
  readonly id: number;
  readonly error?: string;
  readonly code?: string;
}
