/** The headless daemon: dockerd's options, then the daemon. Exit code 1 and one clear sentence when it cannot run. */
import { constants } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../shared/errors.ts';
import { type DaemonConfig, helpText, loadConfig } from './daemon/config/daemon-config.ts';
import { type RunningDaemon, runDaemon } from './daemon/daemon.ts';
import { createLog } from './daemon/log/log.ts';
import { notifyServiceManager } from './daemon/platform/notify-socket.ts';
import { isInUserNamespace } from './daemon/platform/user-namespace.ts';
import { enterRootlesskit } from './daemon/rootless/enter-rootlesskit.ts';
import { WINDLASS_VERSION } from './daemon/system-backend.ts';

/** So many of the signals that end the daemon make it end at once (moby pkg/signal/trap.go). */
const FORCING_SIGNALS = 3;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function fail(error: unknown): never {
  process.stderr.write(`windlassd: ${errorMessage(error)}\n`);
  process.exit(1);
}

function readConfig(): DaemonConfig {
  try {
    const { config, flags } = loadConfig(process.argv.slice(2));
    if (flags.get('help') === true) {
      print(helpText());
      process.exit(0);
    }
    if (flags.get('version') === true) {
      print(`Windlass version ${WINDLASS_VERSION}`);
      process.exit(0);
    }
    if (flags.get('validate') === true) {
      print('configuration OK');
      process.exit(0);
    }
    return config;
  } catch (error) {
    fail(error);
  }
}

type DaemonLog = ReturnType<typeof createLog>;

/** Telling the service manager must not end what it watches over. */
function notify(log: DaemonLog, state: string): void {
  try {
    notifyServiceManager(state);
  } catch (error) {
    log.warn('the service manager could not be told', { state, error: errorMessage(error) });
  }
}

/** SIGHUP: daemon.json is read again; one that is broken changes nothing. */
async function reload(daemon: RunningDaemon, log: DaemonLog): Promise<void> {
  const micros = process.hrtime.bigint() / 1000n;
  notify(log, `RELOADING=1\nMONOTONIC_USEC=${micros}`);
  try {
    const { config } = loadConfig(process.argv.slice(2));
    log.setLevel(config.logLevel);
    await daemon.reload(config);
    log.info('configuration reloaded');
  } catch (error) {
    log.error('configuration not reloaded', { error: errorMessage(error) });
  }
  notify(log, 'READY=1');
}

/** SIGUSR1: what every thread does and what is open, for whoever looks into a daemon that hangs. */
function dump(config: DaemonConfig, log: DaemonLog): void {
  const name = `process-report-${new Date().toISOString().replaceAll(':', '')}.json`;
  if (process.report) process.report.excludeEnv = true;
  const path = process.report?.writeReport(join(config.execRoot, name));
  log.info('process report written', { path });
}

/** The first signal ends the daemon in order, the third at once. */
function onEndSignals(daemon: RunningDaemon, log: DaemonLog): void {
  let count = 0;
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    count++;
    if (count >= FORCING_SIGNALS) {
      log.info(`Forcing daemon shutdown without cleanup; ${count} interrupts received`);
      process.exit(128 + constants.signals[signal]);
    }
    notify(log, 'STOPPING=1');
    daemon.shutdown().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** This very program once more, as root of a user namespace. */
async function runInRootlesskit(): Promise<never> {
  const [script = ''] = process.argv.slice(1);
  try {
    process.exit(await enterRootlesskit([process.execPath, script, ...process.argv.slice(2)]));
  } catch (error) {
    fail(error);
  }
}

async function main(): Promise<void> {
  const config = readConfig();
  if (config.isRootless && !isInUserNamespace) return runInRootlesskit();
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => void process.stderr.write(line),
  });
  process.title = 'windlassd';
  let daemon: RunningDaemon;
  try {
    daemon = await runDaemon(config, log);
  } catch (error) {
    log.debug('start failed', { stack: error instanceof Error ? error.stack : undefined });
    fail(error);
  }
  notify(log, 'READY=1');
  onEndSignals(daemon, log);
  process.on('SIGHUP', () => void reload(daemon, log));
  process.on('SIGUSR1', () => dump(config, log));
}

await main();
