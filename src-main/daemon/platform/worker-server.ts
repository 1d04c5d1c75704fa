/** The worker's side of typed calls: each is answered with its value or its error. */
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from './worker-client.ts';

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}

/** `Calls`: named at the call, so that the object is checked against what the client may ask. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function serveCalls<Calls extends object>(calls: Calls): void {
  const answer = (message: FromWorker): void => parentPort?.postMessage(message);
  const run = async ({ id, name, args }: ToWorker): Promise<void> => {
    try {
      const call = calls[name as keyof Calls] as (...args: readonly unknown[]) => unknown;
      answer({ id, value: await call(...args) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer({ id, error: { message, code: codeOf(error) } });
    }
  };
  parentPort?.on('message', (message: ToWorker) => void run(message));
}
