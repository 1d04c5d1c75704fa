/** What the port mapper asks of its proxy worker. */
import type { ProxyRequest } from './port-proxy.ts';

export interface ProxyCalls {
  /** Answers a number to close it by. Throws Node's listen errors with their code. */
  open(request: ProxyRequest): Promise<number>;
  close(id: number): Promise<void>;
}
