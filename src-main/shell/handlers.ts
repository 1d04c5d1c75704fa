/** What the shell does for its window; the same for Electron and the web shell. */
import type { AppInfo, HeadOf } from '../../shared/shell/contract.ts';
import type { ServedDuplex, ShellHandlers } from '../../shared/shell/server.ts';
import { serveEngineRequest } from '../hosts/engine-gateway.ts';
import type { HostDesk } from '../hosts/host-desk.ts';
import { forwardPort } from '../hosts/port-forward.ts';
import type { EngineLog } from './engine-log.ts';
import type { SettingsStore } from './settings-store.ts';
import type { TerminalDesk } from './terminal/terminal-desk.ts';

export interface ShellParts {
  readonly info: AppInfo;
  readonly hosts: HostDesk;
  readonly settings: SettingsStore;
  readonly terminals: TerminalDesk;
  /** Of the embedded engine, when there is one. */
  readonly engineLog?: EngineLog | undefined;
  openExternal(url: string): Promise<void>;
}

export function createShellHandlers(parts: ShellParts): ShellHandlers {
  const { hosts: desk, settings, terminals } = parts;
  const hosts = desk.book;
  return {
    'app.info': async () => parts.info,
    'hosts.list': async () => hosts.list(),
    'hosts.watch': (_input: object, signal: AbortSignal) => hosts.watch(signal),
    'hosts.add': (host) => desk.add(host),
    'hosts.remove': async ({ id }) => {
      await desk.remove(id);
      return {};
    },
    'hosts.connect': async ({ id }) => {
      hosts.retry(id);
      return {};
    },
    'hosts.facts': ({ id }) => desk.sshOf(id).facts(),
    'hosts.forward': ({ id, ...target }, signal: AbortSignal) =>
      forwardPort(desk.sshOf(id), target, signal),
    'hosts.installPlan': ({ id }) => desk.installerOf(id).plan(),
    'hosts.install': ({ id }, signal: AbortSignal) => desk.installerOf(id).install(signal),
    'hosts.uninstall': ({ id, withData }, signal: AbortSignal) =>
      desk.installerOf(id).remove(withData, signal),
    'hosts.questions': (_input: object, signal: AbortSignal) => desk.watchQuestions(signal),
    'hosts.answer': async ({ id, fields }) => {
      desk.answer(id, fields);
      return {};
    },
    'contexts.list': async () => desk.contexts.list(),
    'contexts.create': async ({ id, name }) => {
      await desk.contexts.create(name, hosts.find(id).dialer.dockerHost);
      return { name };
    },
    'engine.request': (input, channel: ServedDuplex<HeadOf<'engine.request'>>) =>
      serveEngineRequest(hosts, input, channel),
    'terminals.watch': (_input: object, signal: AbortSignal) => terminals.watch(signal),
    'terminals.begin': async ({ target, ...size }) => ({ id: await terminals.begin(target, size) }),
    'terminals.show': ({ id }, channel) => terminals.show(id, channel),
    'terminals.resize': async ({ id, ...size }) => {
      await terminals.resize(id, size);
      return {};
    },
    'terminals.end': async ({ id }) => {
      await terminals.end(id);
      return {};
    },
    'engine.log': async () => ({ lines: parts.engineLog?.lines() }),
    'settings.read': async () => settings.read(),
    'settings.write': (change) => settings.write(change),
    'external.open': async ({ url }) => {
      await parts.openExternal(url);
      return {};
    },
  };
}
