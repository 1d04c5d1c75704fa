/** What the shell does for its window; the same for Electron and the web shell. */
import type { AppInfo } from '../../shared/shell/contract.ts';
import type { ShellHandlers } from '../../shared/shell/server.ts';
import { copyImage } from '../hosts/copy-image.ts';
import { serveEngineRequest } from '../hosts/engine-gateway.ts';
import type { HostBook } from '../hosts/host-book.ts';
import type { HostDesk } from '../hosts/host-desk.ts';
import { forwardPort } from '../hosts/port-forward.ts';
import type { EngineLog } from './engine-log.ts';
import type { RegistryLogins } from './registries/registry-logins.ts';
import type { SettingsStore } from './settings-store.ts';
import type { TerminalDesk } from './terminal/terminal-desk.ts';

export interface ShellParts {
  readonly info: AppInfo;
  readonly hosts: HostDesk;
  readonly settings: SettingsStore;
  readonly terminals: TerminalDesk;
  readonly registries: RegistryLogins;
  /** Of the embedded engine, when there is one. */
  readonly engineLog?: EngineLog | undefined;
  openExternal(url: string): Promise<void>;
}

export function createShellHandlers(parts: ShellParts): ShellHandlers {
  const { hosts: desk, settings, terminals, registries } = parts;
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
    'images.copy': ({ from, to, image }, signal: AbortSignal) =>
      copyImage(hosts.find(from), hosts.find(to), image, signal),
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
    ...terminalHandlers(terminals),
    ...registryHandlers(registries, hosts),
    'engine.log': async () => ({ lines: parts.engineLog?.lines() }),
    'settings.read': async () => settings.read(),
    'settings.write': (change) => settings.write(change),
    'external.open': async ({ url }) => {
      await parts.openExternal(url);
      return {};
    },
  };
}

type HandlersOf<K extends string> = Pick<
  ShellHandlers,
  Extract<keyof ShellHandlers, `${K}.${string}`>
>;

const terminalHandlers = (terminals: TerminalDesk): HandlersOf<'terminals'> => ({
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
});

function registryHandlers(
  registries: RegistryLogins,
  hosts: HostBook,
): HandlersOf<'registries'> & Pick<ShellHandlers, 'engine.request'> {
  return {
    'registries.list': () => registries.list(),
    'registries.login': async ({ host, ...login }) => {
      await registries.login(hosts.find(host), login);
      return {};
    },
    'registries.logout': async ({ address }) => {
      await registries.logout(address);
      return {};
    },
    /** What pulls and pushes goes with the login of its registry, which the window never sees. */
    'engine.request': async (input, channel) => {
      const login = await registries.headersFor(input.method, input.path);
      const headers = { ...input.headers, ...login };
      await serveEngineRequest(hosts, { ...input, headers }, channel);
    },
  };
}
