/** A line that takes its time, with a program at its end. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

interface SlowLine extends Disposable {
  /** On loopback; leads to the far side. */
  readonly port: number;
  /** Round trips since it was last asked. */
  roundTrips(): number;
}

/** A line that is this slow each way, and counts how often the talk changes direction. */
export async function startSlowLine(
  to: { readonly host?: string; readonly port: number },
  delayMs: number,
): Promise<SlowLine> {
  let turns = 0;
  let speaker = '';
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', ...to });
    const pass = (from: Socket, into: Socket, name: string): void => {
      from.on('data', (chunk) => {
        if (speaker !== name) turns += 1;
        speaker = name;
        setTimeout(() => into.write(chunk), delayMs);
      });
      from.on('close', () => setTimeout(() => into.destroy(), delayMs));
      from.on('error', () => undefined);
    };
    pass(near, far, 'near');
    pass(far, near, 'far');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    roundTrips: () => {
      const count = Math.ceil(turns / 2);
      turns = 0;
      speaker = '';
      return count;
    },
    [Symbol.dispose]: () => void server.close(),
  };
}
