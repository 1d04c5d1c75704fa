/** Headless entry: dockerd's options, then the daemon. Exit code 1 and one clear sentence when it cannot run. */
import { errorMessage } from '../shared/errors.ts';
import { type DaemonConfig, helpText, loadConfig } from './daemon/config/daemon-config.ts';
import { type RunningDaemon, runDaemon } from './daemon/daemon.ts';
import { createLog } from './daemon/log/log.ts';
import { WINDLASS_VERSION } from './daemon/system-backend.ts';

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

/** Tells systemd, when it started us (sd_notify(3)). */
async function notifySystemd(state: string): Promise<void> {
  const path = process.env['NOTIFY_SOCKET'];
  if (!path) return;
  const { spawnSync } = await import('node:child_process');
  // Node has no unix datagrams; systemd ships the tool.
  spawnSync('systemd-notify', [state], { stdio: 'ignore' });
}

async function main(): Promise<void> {
  const config = readConfig();
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
  await notifySystemd('--ready');
  const stop = (): void => {
    daemon.shutdown().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  process.on('SIGHUP', () => log.info('reload is not built yet; restart to apply daemon.json'));
}

await main();
