/** Worker thread: the name servers of containers on user networks. */

import { serveCalls } from '../platform/worker-server.ts';
import { NameTable } from './name-table.ts';
import type { ResolverCalls } from './resolver-calls.ts';
import { SandboxResolver } from './sandbox-resolver.ts';

const table = new NameTable();
const resolvers = new Map<string, SandboxResolver>();

serveCalls<ResolverCalls>({
  setEndpoint: (networkId, endpoint) => table.set(networkId, endpoint),
  removeEndpoint: (networkId, endpointId) => table.remove(networkId, endpointId),
  async serve(sandbox) {
    const known = resolvers.get(sandbox.id);
    if (known) known.update(sandbox);
    else resolvers.set(sandbox.id, await SandboxResolver.open(table, sandbox));
  },
  async stop(sandboxId) {
    const resolver = resolvers.get(sandboxId);
    resolvers.delete(sandboxId);
    await resolver?.[Symbol.asyncDispose]();
  },
});
