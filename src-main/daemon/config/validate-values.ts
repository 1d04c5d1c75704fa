/** What no option may be, alone or beside others, wherever it came from (moby daemon/config Validate, daemon verifyDaemonSettings). */
import { isAbsolute } from 'node:path';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { logDrivers } from '../log/log-drivers.ts';
import { checkLogOptions, type LogOptions } from '../log/log-options.ts';
import { OPTION_TABLE } from './option-table.ts';
import type { OptionValues } from './parse-flags.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];

/** Throws invalidArgument in dockerd's words. */
export function validateValues(values: OptionValues): void {
  checkItems(values);
  checkLabels((values.get('label') ?? []) as readonly string[]);
  checkNumbers(values);
  checkRuntimes(values);
  checkModes(values);
  checkExecOptions(values);
  checkNetwork(values);
  checkLogs(values);
  for (const flag of ['data-root', 'exec-root', 'pidfile']) {
    const path = values.get(flag) ?? '/';
    if (typeof path === 'string' && !isAbsolute(path))
      throw invalidArgument(`--${flag} must be an absolute path, not "${path}"`);
  }
}

/** What containers get that name no log driver of their own. */
function checkLogs(values: OptionValues): void {
  const driver = (values.get('log-driver') as string | undefined) ?? '';
  try {
    checkLogOptions(logDrivers.get(driver), (values.get('log-opt') ?? {}) as LogOptions);
  } catch (error) {
    throw invalidArgument(`failed to set log opts: ${errorMessage(error)}`);
  }
}

const isEmpty = (value: unknown): boolean =>
  value === '' || value === false || (Array.isArray(value) && value.length === 0);

function checkItems(values: OptionValues): void {
  for (const option of OPTION_TABLE) {
    const value = values.get(option.flag);
    if (value === undefined) continue;
    if (option.refusal !== undefined && !isEmpty(value))
      throw invalidArgument(`--${option.flag} is not supported: ${option.refusal}`);
    if (option.check === undefined) continue;
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof item === 'string' && item !== '') option.check(item);
  }
}

/** One key may be named twice only with the same value (GetConflictFreeLabels). */
function checkLabels(labels: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const label of labels) {
    const [key = '', ...rest] = label.split('=');
    const value = rest.join('=');
    const before = seen.get(key);
    if (before !== undefined && before !== value)
      throw invalidArgument(`conflict labels for ${key}=${value} and ${key}=${before}`);
    seen.set(key, value);
  }
}

function checkNumbers(values: OptionValues): void {
  const number = (flag: string, fallback: number): number =>
    (values.get(flag) as number | undefined) ?? fallback;
  for (const flag of ['max-concurrent-downloads', 'max-concurrent-uploads']) {
    if (number(flag, 0) < 0)
      throw invalidArgument(`invalid ${flag.replaceAll('-', ' ')}: ${number(flag, 0)}`);
  }
  if (number('max-download-attempts', 1) <= 0)
    throw invalidArgument(`invalid max download attempts: ${number('max-download-attempts', 1)}`);
  if (number('mtu', 0) < 0) throw invalidArgument(`invalid default MTU: ${number('mtu', 0)}`);
  const score = number('oom-score-adjust', 0);
  if (score < -1000 || score > 1000)
    throw invalidArgument(
      `invalid value for oom-score-adjust, must be between -1000 and 1000: ${score}`,
    );
}

/** Runtimes that are there without being added. */
const STOCK_RUNTIMES = ['runc', 'io.containerd.runc.v2', 'io.containerd.runtime.v1.linux'];

function checkRuntimes(values: OptionValues): void {
  const added = Object.keys((values.get('add-runtime') ?? {}) as object);
  if (added.includes('runc')) throw invalidArgument("runtime name 'runc' is reserved");
  const chosen = (values.get('default-runtime') ?? '') as string;
  if (chosen !== '' && ![...STOCK_RUNTIMES, ...added].includes(chosen))
    throw invalidArgument(`specified default runtime '${chosen}' does not exist`);
}

function checkModes(values: OptionValues): void {
  const text = (flag: string, fallback: string): string =>
    (values.get(flag) as string | undefined) ?? fallback;
  const ipc = text('default-ipc-mode', 'private');
  if (ipc === 'host' || ipc === 'none' || ipc.startsWith('container:'))
    throw invalidArgument(
      `IPC mode "${ipc}" is not supported as default value; use "shareable" or "private"`,
    );
  if (!['private', 'shareable', ''].includes(ipc))
    throw invalidArgument(
      `default IPC mode setting (${ipc}) is invalid; use "shareable" or "private"`,
    );
  const cgroupns = text('default-cgroupns-mode', 'private');
  if (!['private', 'host', ''].includes(cgroupns))
    throw invalidArgument(
      `default cgroup namespace mode (${cgroupns}) is invalid; use "host" or "private"`,
    );
  const level = text('log-level', 'info');
  if (!LEVELS.includes(level)) throw invalidArgument(`unable to parse logging level: ${level}`);
  const format = text('log-format', 'text');
  if (!['text', 'json'].includes(format)) throw invalidArgument(`invalid log format: ${format}`);
}

function checkExecOptions(values: OptionValues): void {
  const options = (values.get('exec-opt') ?? []) as readonly string[];
  for (const option of options) {
    const [key = '', value = ''] = option.split('=');
    if (key.trim().toLowerCase() !== 'native.cgroupdriver') continue;
    if (!['cgroupfs', 'systemd', ''].includes(value.trim()))
      throw invalidArgument(`native.cgroupdriver option ${value.trim()} not supported`);
    const parent = (values.get('cgroup-parent') ?? '') as string;
    if (value.trim() === 'systemd' && parent !== '' && !/^[^/]+\.slice$/.test(parent))
      throw invalidArgument(
        'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"',
      );
  }
}

function checkNetwork(values: OptionValues): void {
  if ((values.get('bridge') ?? '') !== '' && (values.get('bip') ?? '') !== '')
    throw invalidArgument(
      'You specified -b & --bip, mutually exclusive options. Please specify only one',
    );
  if (values.get('iptables') === false && values.get('icc') === false)
    throw invalidArgument(
      'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true',
    );
}
