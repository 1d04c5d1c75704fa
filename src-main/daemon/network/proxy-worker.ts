/** Worker thread: the proxies of published ports, so that their traffic does not wait for the daemon. */

import { serveCalls } from '../platform/worker-server.ts';
import { openProxy } from './port-proxy.ts';
import type { ProxyCalls } from './proxy-calls.ts';

const open = new Map<number, AsyncDisposable>();
let nextId = 1;

serveCalls<ProxyCalls>({
  async open(request) {
    const proxy = await openProxy(request);
    const id = nextId++;
    open.set(id, proxy);
    return id;
  },
  async close(id) {
    const proxy = open.get(id);
    open.delete(id);
    await proxy?.[Symbol.asyncDispose]();
  },
});
