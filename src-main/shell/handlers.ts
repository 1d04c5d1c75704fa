/** What the shell does for its window; the same for Electron and the web shell. */
import type { AppInfo, HeadOf } from '../../shared/shell/contract.ts';
import type { ServedDuplex, ShellHandlers } from '../../shared/shell/server.ts';
import { serveEngineRequest } from '../hosts/engine-gateway.ts';
import type { HostBook } from '../hosts/host-book.ts';
import type { SettingsStore } from './settings-store.ts';
import { HostShells } from './terminal/host-shell.ts';

export interface ShellParts {
  readonly info: AppInfo;
  readonly hosts: HostBook;
  readonly settings: SettingsStore;
  openExternal(url: string): Promise<void>;
}

export function createShellHandlers(parts: ShellParts): ShellHandlers {
  const { hosts, settings } = parts;
  const shells = new HostShells();
  return {
    'app.info': async () => parts.info,
    'hosts.list': async () => hosts.list(),
    'hosts.watch': (_input: object, signal: AbortSignal) => hosts.watch(signal),
    'engine.request': (input, channel: ServedDuplex<HeadOf<'engine.request'>>) =>
      serveEngineRequest(hosts, input, channel),
    'terminal.open': (input, channel: ServedDuplex<HeadOf<'terminal.open'>>) => {
      const host = hosts.find(input.host);
      return shells.serve({ ...input, dockerHost: `unix://${host.socketPath}` }, channel);
    },
    'terminal.resize': async ({ terminalId, columns, rows }) => {
      shells.resize(terminalId, columns, rows);
      return {};
    },
    'settings.read': async () => settings.read(),
    'settings.write': (change) => settings.write(change),
    'external.open': async ({ url }) => {
      await parts.openExternal(url);
      return {};
    },
  };
}
