/**
 * The app: shell, hosts and the embedded daemon put together. Runs in plain Node with the web shell, and in
 * Electron with a window of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../shared/errors.ts';
import { loadConfig } from './daemon/config/daemon-config.ts';
import { type RunningDaemon, runDaemon } from './daemon/daemon.ts';
import { createLog } from './daemon/log/log.ts';
import { WINDLASS_VERSION } from './daemon/system-backend.ts';
import { HostBook, type HostEntry } from './hosts/host-book.ts';
import { createShellHandlers } from './shell/handlers.ts';
import { SettingsStore } from './shell/settings-store.ts';
import { startWebShell } from './shell/web/web-shell.ts';

const SYSTEM_SOCKETS = ['/run/windlass/docker.sock', '/var/run/docker.sock'];

interface AppOptions {
  readonly port: number;
  /** `--engine unix://…`: use this one, embed none. */
  readonly engine: string | undefined;
  readonly daemonArguments: readonly string[];
}

function parseArguments(argv: readonly string[]): AppOptions {
  const rest: string[] = [];
  let port = 0;
  let engine: string | undefined;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--web') continue;
    if (argument === '--port') port = Number(argv[++index]);
    else if (argument === '--engine') engine = argv[++index];
    else rest.push(argument);
  }
  return { port, engine, daemonArguments: rest };
}

interface Engine {
  readonly entry: HostEntry;
  readonly daemon?: RunningDaemon;
}

async function openEngine(options: AppOptions): Promise<Engine> {
  if (options.engine !== undefined)
    return { entry: hostEntry('engine', 'socket', options.engine.replace(/^unix:\/\//, '')) };
  if (process.getuid?.() !== 0) return { entry: systemEngine() };
  // Containers must go on when the window closes.
  const { config } = loadConfig(['--live-restore', ...options.daemonArguments]);
  const log = createLog({
    level: config.logLevel === 'info' ? 'warn' : config.logLevel,
    format: config.logFormat,
    write: (line) => void process.stderr.write(line),
  });
  const daemon = await runDaemon(config, log);
  return { entry: hostEntry('this machine', 'embedded', daemon.socketPath), daemon };
}

const hostEntry = (name: string, kind: HostEntry['kind'], socketPath: string): HostEntry => ({
  id: kind,
  name,
  kind,
  socketPath,
});

function systemEngine(): HostEntry {
  const socket = SYSTEM_SOCKETS.find((path) => existsSync(path));
  if (socket === undefined)
    throw new Error(
      'no container engine is running and an ordinary user cannot start one: run `sudo npx windlassd` in another terminal, or start Windlass as root',
    );
  return hostEntry('this machine', 'socket', socket);
}

async function openInBrowser(url: string): Promise<void> {
  if (!process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return;
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  // No xdg-open: the address is on the terminal.
  child.on('error', () => undefined);
  child.unref();
}

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2));
  const { entry, daemon } = await openEngine(options);
  await using closing = new AsyncDisposableStack();
  if (daemon) closing.defer(() => daemon.shutdown());
  const hosts = closing.use(new HostBook([entry]));
  const handlers = createShellHandlers({
    info: {
      name: 'Windlass',
      version: WINDLASS_VERSION,
      shell: 'web',
      platform: process.platform,
      hasNativeDialogs: false,
    },
    hosts,
    settings: new SettingsStore(),
    openExternal: openInBrowser,
  });
  const here = dirname(fileURLToPath(import.meta.url));
  // Run from source, the built window is still in dist/.
  const directory = join(
    here,
    import.meta.url.endsWith('.ts') ? '../dist/renderer' : '../renderer',
  );
  const web = closing.use(await startWebShell({ directory, handlers, port: options.port }));
  process.stdout.write(`Windlass: ${web.address}\n`);
  if (!process.argv.includes('--web')) await openInBrowser(web.address);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`windlass: ${errorMessage(error)}\n`);
  process.exit(1);
}
