/** Ports of far hosts that this window has lent to this machine; they end with the window, or when told so. */
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { unavailable } from '../../shared/errors.ts';
import type { ShellClient } from '../../shared/shell/contract.ts';

export interface Forward {
  readonly host: string;
  /** On the far host. */
  readonly farPort: number;
  /** On 127.0.0.1 here. */
  readonly port: number;
  readonly stop: () => void;
}

const store = createStore<{ readonly list: readonly Forward[] }>(() => ({ list: [] }));

export const useForwards = (host: string): readonly Forward[] =>
  useStore(store, ({ list }) => list).filter((one) => one.host === host);

const drop = (forward: Forward): void =>
  store.setState(({ list }) => ({ list: list.filter((one) => one !== forward) }));

/** The port here that leads to the far one, opened when it is not open yet. Rejects with the reason. */
export async function forward(shell: ShellClient, host: string, farPort: number): Promise<number> {
  const known = store.getState().list.find((one) => one.host === host && one.farPort === farPort);
  if (known) return known.port;
  const abort = new AbortController();
  const asked = { id: host, address: '127.0.0.1', port: farPort };
  const answers = shell.stream('hosts.forward', asked, abort.signal)[Symbol.asyncIterator]();
  const first = await answers.next();
  if (first.done) throw unavailable(`port ${farPort} was not opened`);
  const made: Forward = { host, farPort, port: first.value.port, stop: () => abort.abort() };
  store.setState(({ list }) => ({ list: [...list, made] }));
  const forget = (): void => drop(made);
  void answers.next().then(forget, forget);
  return made.port;
}
