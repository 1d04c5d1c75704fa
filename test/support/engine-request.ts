/** One request to an engine's socket, the whole answer as text. */
import { request } from 'node:http';

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** A body that is a string is sent as it is, anything else as JSON. */
export function engineRequest(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const payload =
      body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const headers = payload === undefined ? {} : { 'Content-Type': 'application/json' };
    const outgoing = request({ socketPath, method, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString(),
          headers: response.headers,
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** Whether an engine listens there and is well. */
export const answersPing = (socketPath: string): Promise<boolean> =>
  engineRequest(socketPath, 'GET', '/_ping').then(
    ({ status }) => status === 200,
    () => false,
  );
