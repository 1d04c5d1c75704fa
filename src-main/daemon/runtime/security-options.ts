/** `--security-opt` of a container (moby daemon/daemon_unix.go parseSecurityOpt). */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { internal } from '../../../shared/errors.ts';

/** What the options say; absent = the daemon's default. */
export interface SecurityOptions {
  readonly noNewPrivileges?: boolean;
  /** `unconfined`, or a profile's JSON. */
  readonly seccomp?: string;
  /** Name of a profile, or `unconfined`. */
  readonly apparmor?: string;
}

/** Go's strconv.ParseBool; undefined when it is none of its words. */
function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}

function parseOption(text: string): SecurityOptions {
  if (text === 'no-new-privileges') return { noNewPrivileges: true };
  if (text === 'disable') return {};
  // `name:value` is Docker's old way to write it.
  const separator = text.includes('=') ? '=' : ':';
  const at = text.indexOf(separator);
  if (at < 0) throw internal(`invalid --security-opt 1: "${text}"`);
  const value = text.slice(at + 1);
  const noNewPrivileges = parseBool(value);
  switch (text.slice(0, at)) {
    case 'label':
      return {};
    case 'apparmor':
      return { apparmor: value };
    case 'seccomp':
      return { seccomp: value };
    case 'no-new-privileges':
      if (noNewPrivileges === undefined) throw internal(`invalid --security-opt 2: "${text}"`);
      return { noNewPrivileges };
    default:
      throw internal(`invalid --security-opt 2: "${text}"`);
  }
}

/** The last word on each wins. Throws Docker's `invalid --security-opt …`. */
export function parseSecurityOptions(hostConfig: Pick<HostConfig, 'SecurityOpt'>): SecurityOptions {
  return Object.assign({}, ...(hostConfig.SecurityOpt ?? []).map(parseOption)) as SecurityOptions;
}
