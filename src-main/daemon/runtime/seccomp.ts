/**
 * Turns a seccomp profile in Docker's form (architecture map, includes and excludes) into the OCI
 * one for this machine and a set of capabilities. Follows moby profiles/seccomp/seccomp_linux.go.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { errorMessage, internal } from '../../../shared/errors.ts';
import { hasX32 } from '../platform/kernel.ts';
import defaultProfile from './seccomp-default.json' with { type: 'json' };

interface Condition {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileSyscall {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly object[] | null;
  readonly includes?: Condition | null;
  readonly excludes?: Condition | null;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[] | null;
  }[];
  readonly syscalls?: readonly ProfileSyscall[];
}

const ARCHITECTURES: Readonly<Record<string, { go: string; seccomp: string }>> = {
  x64: { go: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
  s390x: { go: 's390x', seccomp: 'SCMP_ARCH_S390X' },
  riscv64: { go: 'riscv64', seccomp: 'SCMP_ARCH_RISCV64' },
};
const machine = ARCHITECTURES[process.arch] ?? { go: process.arch, seccomp: '' };

/** `6.18` against `4.8`. */
function isKernelAtLeast(wanted: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [wantMajor = 0, wantMinor = 0] = wanted.split('.').map(Number);
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

function isIncluded(condition: Condition, capabilities: ReadonlySet<string>): boolean {
  const { arches, caps, minKernel } = condition;
  if (arches && arches.length > 0 && !arches.includes(machine.go)) return false;
  if (caps && !caps.every((name) => capabilities.has(name))) return false;
  return minKernel === undefined || isKernelAtLeast(minKernel);
}

function isExcluded(condition: Condition, capabilities: ReadonlySet<string>): boolean {
  const { arches, caps, minKernel } = condition;
  if (arches?.includes(machine.go)) return true;
  if (caps?.some((name) => capabilities.has(name))) return true;
  return minKernel !== undefined && isKernelAtLeast(minKernel);
}

function convert(profile: Profile, capabilities: readonly string[]): object {
  const owned = new Set(capabilities);
  const map = profile.archMap?.find(({ architecture }) => architecture === machine.seccomp);
  const architectures = map
    ? [map.architecture, ...(map.subArchitectures ?? [])]
    : (profile.architectures ?? []);
  const syscalls = (profile.syscalls ?? [])
    .filter((rule) => isIncluded(rule.includes ?? {}, owned))
    .filter((rule) => !isExcluded(rule.excludes ?? {}, owned))
    .map((rule) => ({
      names: rule.names ?? [rule.name ?? ''],
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      ...(rule.args && rule.args.length > 0 ? { args: rule.args } : {}),
    }));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures,
    syscalls,
  };
}

const defaults = new Map<string, object>();

/**
 * Docker's default profile; computed once a capability set. Rules for x32 are left out where the kernel
 * runs no such programs: its system calls are refused then either way (by a signal, not by ENOSYS), and
 * runc is spared a third of the filter at every start.
 */
function defaultFor(capabilities: readonly string[]): object {
  const key = [...capabilities].sort().join(' ');
  const known = defaults.get(key) ?? convert(profileOfKernel(), capabilities);
  defaults.set(key, known);
  return known;
}

const profileOfKernel = (): Profile =>
  hasX32()
    ? defaultProfile
    : {
        ...defaultProfile,
        archMap: defaultProfile.archMap.map(({ architecture, subArchitectures }) => ({
          architecture,
          subArchitectures: subArchitectures?.filter((name) => name !== 'SCMP_ARCH_X32') ?? null,
        })),
      };

export interface SeccompChoice {
  readonly privileged: boolean;
  /** Value of `seccomp=`: `unconfined`, or a profile's JSON; undefined = the daemon's default. */
  readonly option: string | undefined;
  /** `--seccomp-profile` of the daemon: a file, or `unconfined`. */
  readonly daemonProfile: string | undefined;
  readonly capabilities: readonly string[];
}

/** The OCI seccomp section; undefined = unconfined. Throws `Decoding seccomp profile failed: …`. */
export function seccompFor(choice: SeccompChoice): object | undefined {
  if (choice.privileged || choice.option === 'unconfined') return undefined;
  if (choice.option !== undefined && choice.option !== '')
    return convert(parseProfile(choice.option), choice.capabilities);
  if (choice.daemonProfile === 'unconfined') return undefined;
  if (choice.daemonProfile)
    return convert(parseProfile(readFileSync(choice.daemonProfile, 'utf8')), choice.capabilities);
  return defaultFor(choice.capabilities);
}

function parseProfile(text: string): Profile {
  try {
    return JSON.parse(text) as Profile;
  } catch (error) {
    throw internal(`Decoding seccomp profile failed: ${errorMessage(error)}`, { cause: error });
  }
}
