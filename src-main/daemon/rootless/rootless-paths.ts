/** Where a rootless daemon keeps what it has: the user's own directories (XDG Base Directory Specification). */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface RootlessPaths {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly configFile: string;
}

/** The user's runtime directory; one below /tmp where no log-in made one. */
export function runtimeDirectory(environment: NodeJS.ProcessEnv, uid: number): string {
  const given = environment['XDG_RUNTIME_DIR'];
  if (given) return given;
  const usual = `/run/user/${uid}`;
  return existsSync(usual) ? usual : `/tmp/windlass-${uid}`;
}

/** From an environment with XDG_RUNTIME_DIR, which `windlassd --rootless` sees to. */
export function rootlessPaths(
  environment: NodeJS.ProcessEnv,
  uid: number = process.getuid?.() ?? 0,
): RootlessPaths {
  const home = environment['HOME'] || homedir();
  const execRoot = join(runtimeDirectory(environment, uid), 'windlass');
  return {
    dataRoot: join(environment['XDG_DATA_HOME'] || join(home, '.local/share'), 'windlass'),
    execRoot,
    socket: join(execRoot, 'docker.sock'),
    pidFile: join(execRoot, 'windlassd.pid'),
    configFile: join(
      environment['XDG_CONFIG_HOME'] || join(home, '.config'),
      'windlass/daemon.json',
    ),
  };
}
