/**
 * AppArmor confinement, on machines that have it: which profile a container gets, and Docker's default
 * one, loaded when it is not there (moby profiles/apparmor, daemon/apparmor_default.go).
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, internal } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import { isInUserNamespace } from '../platform/user-namespace.ts';
import { parseSecurityOptions } from './security-options.ts';

/** Docker's name for it: tools and people look for that one. */
export const DEFAULT_PROFILE = 'docker-default';
const UNCONFINED = 'unconfined';
const ENABLED_FILE = '/sys/module/apparmor/parameters/enabled';
const SECURITY_DIRECTORY = '/sys/kernel/security/apparmor';
const run = promisify(execFile);

let known: boolean | undefined;

/** True when the kernel enforces AppArmor; looked up once. */
function isAppArmorEnabled(): boolean {
  // Profiles are loaded by real root only.
  known ??= !isInUserNamespace && isEnabledNow();
  return known;
}

function isEnabledNow(): boolean {
  try {
    return existsSync(SECURITY_DIRECTORY) && readFileSync(ENABLED_FILE, 'utf8').startsWith('Y');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES')) return false;
    throw error;
  }
}

/** The profile of a container's processes; undefined where there is no AppArmor. */
export function appArmorProfile(
  hostConfig: HostConfig,
  isEnabled = isAppArmorEnabled(),
): string | undefined {
  if (!isEnabled) return undefined;
  const asked = parseSecurityOptions(hostConfig).apparmor;
  if (asked) return asked;
  return hostConfig.Privileged ? UNCONFINED : DEFAULT_PROFILE;
}

/** Places below /proc and /sys that a container has no business in. */
const DENIED_WRITES = [
  '@{PROC}/* w',
  '@{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w',
  '@{PROC}/sys/[^k]** w',
  '@{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w',
  '@{PROC}/sysrq-trigger rwklx',
  '@{PROC}/kcore rwklx',
  '/sys/[^f]*/** wklx',
  '/sys/f[^s]*/** wklx',
  '/sys/fs/[^c]*/** wklx',
  '/sys/fs/c[^g]*/** wklx',
  '/sys/fs/cg[^r]*/** wklx',
  '/sys/firmware/** rwklx',
  '/sys/devices/virtual/powercap/** rwklx',
  '/sys/kernel/security/** rwklx',
];

/** The default profile's text; `daemonProfile` is the confinement of our own process, which may signal. */
export function defaultProfileText(daemonProfile: string): string {
  const denied = DENIED_WRITES.map((rule) => `  deny ${rule},`).join('\n');
  return `#include <tunables/global>

profile ${DEFAULT_PROFILE} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>

  network,
  capability,
  file,
  umount,
  signal (receive) peer=${daemonProfile},
  signal (send,receive) peer=${DEFAULT_PROFILE},

  deny mount,
${denied}

  ptrace (trace,read,tracedby,readby) peer=${DEFAULT_PROFILE},
}
`;
}

async function isLoaded(): Promise<boolean> {
  const profiles = await readFile(join(SECURITY_DIRECTORY, 'profiles'), 'utf8');
  return profiles.split('\n').some((line) => line.startsWith(`${DEFAULT_PROFILE} `));
}

async function ownProfile(): Promise<string> {
  const text = (await readFile('/proc/self/attr/current', 'utf8')).trim();
  return text.replace(/ \([a-z]+\)$/, '') || UNCONFINED;
}

/**
 * Loads the default profile unless it is loaded: other services may unload it at any time.
 * Throws internal, with what to install, when it cannot be loaded.
 */
export async function ensureDefaultProfile(): Promise<void> {
  if (await isLoaded()) return;
  const directory = await mkdtemp(join(tmpdir(), 'windlass-apparmor-'));
  try {
    const file = join(directory, DEFAULT_PROFILE);
    await writeFile(file, defaultProfileText(await ownProfile()));
    await run('apparmor_parser', ['-Kr', file]);
  } catch (error) {
    throw internal(
      `AppArmor enabled on system but the ${DEFAULT_PROFILE} profile could not be loaded: ${errorMessage(error)}. Install apparmor_parser (package apparmor), or load the profile yourself`,
      { cause: error },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
