/**
 * The app: shell, hosts and the embedded daemon put together. Runs in plain Node with the web shell, and in
 * Electron with a window of its own.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../shared/errors.ts';
import type { AppInfo } from '../shared/shell/contract.ts';
import { loadConfig } from './daemon/config/daemon-config.ts';
import { runDaemon } from './daemon/daemon.ts';
import { bothLogs, createLog } from './daemon/log/log.ts';
import { rootlessPaths } from './daemon/rootless/rootless-paths.ts';
import { WINDLASS_VERSION } from './daemon/system-backend.ts';
import { socketDialer } from './hosts/engine-dialer.ts';
import type { Host } from './hosts/host-book.ts';
import { HostDesk, type HostDeskOptions } from './hosts/host-desk.ts';
import { isEngineAt } from './hosts/host-watch.ts';
import { startRootlessEngine } from './hosts/rootless-engine.ts';
import { type AppOptions, ownArguments, parseAppOptions } from './shell/app-options.ts';
import type { ElectronParts } from './shell/electron/electron-parts.ts';
import { ElectronShell } from './shell/electron/electron-shell.ts';
import { EngineLog } from './shell/engine-log.ts';
import { createShellHandlers } from './shell/handlers.ts';
import { RegistryLogins } from './shell/registries/registry-logins.ts';
import { keychainVault, memoryVault } from './shell/registries/secret-vault.ts';
import { cacheDirectory, configDirectory, SettingsStore } from './shell/settings-store.ts';
import { TerminalDesk } from './shell/terminal/terminal-desk.ts';
import { startWebShell } from './shell/web/web-shell.ts';

const SYSTEM_SOCKETS = ['/run/windlass/docker.sock', '/var/run/docker.sock'];

/** The project or the package: dist/src-main/main.js is two steps down, src-main/main.ts one. */
const root = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '..' : '../..', import.meta.url),
);
const inRoot = (path: string): string => join(root, path);

interface Engine {
  readonly entry: Host;
  /** Of an engine of our own. */
  readonly log?: EngineLog;
  /** Resolves when it serves; rejects when it cannot. */
  readonly ready: Promise<unknown>;
  close(): Promise<void>;
}

const running = (socketPath: string): Engine => ({
  entry: {
    id: 'socket',
    name: 'this machine',
    kind: 'socket',
    dialer: socketDialer(socketPath),
  },
  ready: Promise.resolve(),
  close: async () => undefined,
});

/** The pinned one where we run in Electron, which is no Node for others. */
const nodeProgram = (): string =>
  process.versions['electron'] ? inRoot('node_modules/node/bin/node') : process.execPath;

/** One of the user's own, in his own directories. */
async function openRootless({ daemonArguments }: AppOptions): Promise<Engine> {
  const { socket, execRoot } = rootlessPaths(process.env);
  const isSource = import.meta.url.endsWith('.ts');
  const windlassd = inRoot(isSource ? 'src-main/windlassd.ts' : 'dist/src-main/windlassd.js');
  await startRootlessEngine({
    words: [nodeProgram(), windlassd, '--rootless', '--live-restore', ...daemonArguments],
    socket,
    logFile: join(execRoot, 'windlassd.log'),
  });
  const { entry, ...engine } = running(socket);
  return { ...engine, entry: { ...entry, id: 'rootless', kind: 'rootless' } };
}

/** The engine the options ask for, one that runs already, or one of our own. */
async function openEngine(options: AppOptions): Promise<Engine> {
  if (options.engineSocket !== undefined) return running(options.engineSocket);
  if (process.getuid?.() === 0) return embedEngine(options);
  for (const socketPath of SYSTEM_SOCKETS)
    if (await isEngineAt(socketPath)) return running(socketPath);
  return openRootless(options);
}

async function embedEngine({ daemonArguments }: AppOptions): Promise<Engine> {
  const { config, flags } = loadConfig(daemonArguments);
  const socketPath = config.hosts.find((host) => host.startsWith('unix://'))?.slice(7) ?? '';
  // windlassd as a service, most likely: two daemons cannot share one data root.
  if (await isEngineAt(socketPath)) return running(socketPath);
  const { logLevel: level } = config;
  const engineLog = new EngineLog();
  // The window shows all of it; a terminal is not filled with what is well.
  const log = bothLogs(
    createLog({ level, format: 'text', write: (line) => engineLog.append(line) }),
    createLog({
      level: level === 'info' ? 'warn' : level,
      format: config.logFormat,
      write: (line) => void process.stderr.write(line),
    }),
  );
  // Containers must go on when the window closes, unless told otherwise.
  const liveRestore = flags.has('live-restore') ? config.liveRestore : true;
  const starting = runDaemon({ ...config, liveRestore }, log);
  return {
    log: engineLog,
    entry: {
      id: 'embedded',
      name: 'this machine',
      kind: 'embedded',
      dialer: socketDialer(socketPath),
    },
    ready: starting,
    close: () =>
      starting.then(
        (daemon) => daemon.shutdown(),
        // It never came up and has cleaned up after itself; `ready` has told why.
        () => undefined,
      ),
  };
}

const hostDeskOptions = (): HostDeskOptions => {
  // Electron is no Node to send to another machine; the pinned one lies in the project.
  const node = process.versions['electron']
    ? inRoot('node_modules/node/bin/node')
    : process.execPath;
  const directory = cacheDirectory();
  return { directory: configDirectory(), bundle: { root, node, directory } };
};

async function openInBrowser(url: string): Promise<void> {
  if (!process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return;
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  // No xdg-open: the address is on the terminal.
  child.on('error', () => undefined);
  child.unref();
}

const appInfo = (shell: AppInfo['shell']): AppInfo => ({
  name: 'Windlass',
  version: WINDLASS_VERSION,
  shell,
  platform: process.platform,
  hasNativeDialogs: shell === 'electron',
});

async function runWebShell(options: AppOptions): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  await using closing = new AsyncDisposableStack();
  const engine = await openEngine(options);
  closing.defer(() => engine.close());
  const isUp = await Promise.race([engine.ready.then(() => true), stopped.then(() => false)]);
  if (!isUp) return;
  const hosts = closing.use(new HostDesk([engine.entry], hostDeskOptions()));
  const settings = new SettingsStore();
  const info = appInfo('web');
  const terminals = closing.use(new TerminalDesk(hosts));
  const registries = new RegistryLogins(memoryVault);
  const openExternal = openInBrowser;
  const handlers = createShellHandlers({
    info,
    hosts,
    settings,
    terminals,
    registries,
    engineLog: engine.log,
    openExternal,
  });
  const directory = inRoot('dist/renderer');
  const web = closing.use(await startWebShell({ directory, handlers, port: options.port }));
  process.stdout.write(`Windlass: ${web.address}\n`);
  if (!options.isWeb) await openInBrowser(web.address);
  await stopped;
}

/** The window comes first; the engine comes up behind it, and its failure is shown there. */
async function runElectronShell(electron: ElectronParts, options: AppOptions): Promise<void> {
  const settings = new SettingsStore();
  const shell = new ElectronShell(electron, {
    directory: inRoot('dist/renderer'),
    preload: inRoot('dist/src-main/shell/electron/preload/preload.cjs'),
    icon: inRoot('assets/icon.png'),
    trayIcon: inRoot('assets/tray.png'),
    stateFile: join(configDirectory(), 'window.json'),
    settings,
    platform: process.platform,
  });
  if (!shell.claimInstance()) return electron.app.quit();
  try {
    const engine = await openEngine(options);
    const hosts = new HostDesk([engine.entry], hostDeskOptions());
    engine.ready.catch((error: unknown) => hosts.book.refuse(engine.entry.id, errorMessage(error)));
    const openExternal = (url: string): Promise<void> => shell.openExternal(url);
    const info = appInfo('electron');
    const terminals = new TerminalDesk(hosts);
    const vaultFile = join(configDirectory(), 'registries.bin');
    const registries = new RegistryLogins(() => keychainVault(electron.safeStorage, vaultFile));
    const handlers = createShellHandlers({
      info,
      hosts,
      settings,
      terminals,
      registries,
      engineLog: engine.log,
      openExternal,
    });
    await shell.run(handlers, async () => {
      await terminals[Symbol.asyncDispose]();
      hosts[Symbol.dispose]();
      await engine.close();
    });
  } catch (error) {
    shell.fail(errorMessage(error));
    electron.app.exit(1);
  }
}

function fail(error: unknown): never {
  process.stderr.write(`windlass: ${errorMessage(error)}\n`);
  process.exit(1);
}

try {
  const options = parseAppOptions(ownArguments(process));
  if (process.versions['electron'] === undefined || options.isWeb) {
    await runWebShell(options);
    process.exit(0);
  }
  // Not awaited: Electron becomes ready only when this module has been evaluated.
  runElectronShell(await import('electron'), options).catch(fail);
} catch (error) {
  fail(error);
}
