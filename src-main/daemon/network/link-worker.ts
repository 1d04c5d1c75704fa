/** Worker thread: everything that enters a network namespace or talks rtnetlink. One request at a time. */
import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { SyscallError } from '../platform/libc.ts';
import { createNamespace, dropNamespace, inNamespace } from '../platform/net-namespace.ts';
import { Netlink } from '../platform/netlink.ts';
import type { EndpointLink, FromLinkWorker, LinkRequest, ToLinkWorker } from './link-messages.ts';

/** In the home namespace, for as long as the worker lives. */
const host = new Netlink();
const LOOPBACK = 1;

function createSandbox(path: string): void {
  createNamespace(path, () => {
    using netlink = new Netlink();
    netlink.setUp(LOOPBACK);
  });
}

function addEndpoint(path: string, link: EndpointLink): void {
  const bridgeIndex = host.indexOf(link.bridge);
  if (bridgeIndex === undefined) throw new Error(`bridge ${link.bridge} does not exist`);
  const namespaceFd = openSync(path, 'r');
  try {
    host.createVeth({
      hostName: link.hostName,
      bridgeIndex,
      peerName: link.containerName,
      peerMac: link.mac,
      namespaceFd,
      mtu: link.mtu,
    });
  } finally {
    closeSync(namespaceFd);
  }
  inNamespace(path, () => {
    using netlink = new Netlink();
    const index = netlink.indexOf(link.containerName);
    if (index === undefined) throw new Error(`link ${link.containerName} did not appear`);
    netlink.addAddress(index, link.address, link.prefix);
    netlink.setUp(index);
    if (link.gateway !== undefined) netlink.addDefaultRoute(link.gateway);
  });
}

function ensureBridge(request: Extract<LinkRequest, { kind: 'ensureBridge' }>): void {
  if (host.indexOf(request.name) === undefined) host.createBridge(request.name, request);
  const index = host.indexOf(request.name) ?? 0;
  if (request.address !== undefined) host.addAddress(index, request.address, request.prefix);
  host.setUp(index);
}

function handle(request: LinkRequest): void {
  switch (request.kind) {
    case 'ensureBridge':
      return ensureBridge(request);
    case 'createSandbox':
      createSandbox(request.path);
      try {
        for (const link of request.endpoints) addEndpoint(request.path, link);
      } catch (error) {
        dropNamespace(request.path);
        throw error;
      }
      return;
    case 'addEndpoint':
      return addEndpoint(request.path, request.endpoint);
    case 'dropSandbox':
      return dropNamespace(request.path);
    case 'deleteLink':
      return host.deleteLink(request.name);
  }
}

parentPort?.on('message', ({ id, request }: ToLinkWorker) => {
  const answer = (message: FromLinkWorker): void => parentPort?.postMessage(message);
  try {
    handle(request);
    answer({ id });
  } catch (error) {
    const code = error instanceof SyscallError ? error.code : '';
    answer({ id, error: error instanceof Error ? error.message : String(error), code });
  }
});
