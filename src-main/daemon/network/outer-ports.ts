/**
 * Ports of the machine itself, for a daemon whose own network lies inside rootlesskit's: rootlesskit listens
 * outside and passes on (its API v1; moby's rootlesskit-docker-proxy does the same).
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { internal } from '../../../shared/errors.ts';
import { PortTakenError } from './port-allocator.ts';

interface OuterPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostIp: string;
  readonly hostPort: number;
}

export interface OuterPorts {
  /** Answers what `close` takes. Throws PortTakenError, or internal with rootlesskit's words. */
  open(port: OuterPort): Promise<number>;
  close(id: number): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(socketPath: string, method: string, path: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const json = body && JSON.stringify(body);
    const headers = json ? { 'Content-Type': 'application/json' } : {};
    request({ socketPath, method, path, headers }, (response) => {
      const status = response.statusCode ?? 0;
      text(response).then((answer) => resolve({ status, body: answer }), reject);
    })
      .on('error', reject)
      .end(json);
  });
}

/** rootlesskit wraps its words in JSON. */
function wordsOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    // Plain text.
    return body.trim();
  }
}

/** Those of the rootlesskit we run in; undefined outside of one. */
export function rootlesskitPorts(environment: NodeJS.ProcessEnv): OuterPorts | undefined {
  const directory = environment['ROOTLESSKIT_STATE_DIR'];
  if (!directory) return undefined;
  const socketPath = join(directory, 'api.sock');
  return {
    open: async ({ protocol, hostIp, hostPort }) => {
      const proto = hostIp.includes(':') ? `${protocol}6` : protocol;
      const port = { proto, parentIP: hostIp, parentPort: hostPort, childPort: hostPort };
      const { status, body } = await ask(socketPath, 'POST', '/v1/ports', port);
      if (status === 201) return (JSON.parse(body) as { id: number }).id;
      const words = `error while calling PortManager.AddPort(): ${wordsOf(body)}`;
      throw /conflict|already in use/i.test(words) ? new PortTakenError(words) : internal(words);
    },
    close: async (id) => {
      await ask(socketPath, 'DELETE', `/v1/ports/${id}`);
    },
  };
}
