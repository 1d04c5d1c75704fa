/** The hosts and their questions as the shell tells them, for every screen. */
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { HostQuestion, HostRow, ShellClient } from '../../shared/shell/contract.ts';

interface HostsState {
  readonly hosts: readonly HostRow[];
  readonly questions: readonly HostQuestion[];
}

const store = createStore<HostsState>(() => ({ hosts: [], questions: [] }));

export const useHosts = <T>(select: (state: HostsState) => T): T => useStore(store, select);

/** Follows the shell until the signal; its end is told by the window's connection. */
export function followHosts(
  shell: ShellClient,
  hosts: readonly HostRow[],
  signal: AbortSignal,
): void {
  store.setState({ hosts, questions: [] });
  const follow = async <T>(values: AsyncIterable<T>, take: (value: T) => void): Promise<void> => {
    try {
      for await (const value of values) take(value);
    } catch {
      // The shell is gone, which the window says as a whole.
    }
  };
  void follow(shell.stream('hosts.watch', {}, signal), (rows) => store.setState({ hosts: rows }));
  void follow(shell.stream('hosts.questions', {}, signal), (questions) =>
    store.setState({ questions }),
  );
}
