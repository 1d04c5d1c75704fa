/** What this machine is and can: kernel, operating system, cgroups (moby pkg/sysinfo, pkg/parsers/operatingsystem). */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { type CgroupFeatures, cgroupFeatures } from './cgroup-features.ts';
import { libcFunction } from './libc.ts';

export interface MachineFacts {
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  /** As `uname -m`: x86_64. */
  readonly architecture: string;
  /** As Go names it: amd64. */
  readonly goArchitecture: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly hostname: string;
  readonly cgroupVersion: 1 | 2;
  readonly limits: CgroupFeatures;
  readonly hasSeccomp: boolean;
  readonly initPath: string | undefined;
}

const MACHINES: Readonly<Record<string, readonly [machine: string, go: string]>> = {
  x64: ['x86_64', 'amd64'],
  arm64: ['aarch64', 'arm64'],
  s390x: ['s390x', 's390x'],
  riscv64: ['riscv64', 'riscv64'],
};

const INIT_NAMES = ['docker-init', 'tini-static', 'tini'];
const BINARY_DIRECTORIES = ['/usr/local/bin', '/usr/bin', '/usr/libexec/docker', '/sbin', '/bin'];

function findInit(): string | undefined {
  const candidates = INIT_NAMES.flatMap((name) =>
    BINARY_DIRECTORIES.map((directory) => `${directory}/${name}`),
  );
  return candidates.find((path) => existsSync(path));
}

function osRelease(): Readonly<Record<string, string>> {
  const path = ['/etc/os-release', '/usr/lib/os-release'].find((one) => existsSync(one));
  if (path === undefined) return {};
  const rows = readFileSync(path, 'utf8').matchAll(/^(\w+)="?(.*?)"?$/gm);
  return Object.fromEntries([...rows].map(([, key = '', value = '']) => [key, value]));
}

export function machineFacts(): MachineFacts {
  const [architecture, goArchitecture] = MACHINES[arch()] ?? [arch(), arch()];
  const os = osRelease();
  const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  return {
    kernelVersion: release(),
    operatingSystem: os['PRETTY_NAME'] ?? 'Linux',
    osVersion: os['VERSION_ID'] ?? '',
    architecture,
    goArchitecture,
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    hostname: hostname(),
    cgroupVersion: isUnified ? 2 : 1,
    limits: cgroupFeatures(),
    hasSeccomp: readFileSync('/proc/self/status', 'utf8').includes('Seccomp:'),
    initPath: findInit(),
  };
}

const X32_GETPID = 0x4000_0000 + 39;

/** Whether programs of the x32 ABI can run: 64-bit registers, 32-bit pointers, system calls of its own. */
export function hasX32(): boolean {
  if (process.arch !== 'x64') return false;
  return libcFunction('int64 syscall(int64 number)')(X32_GETPID) === process.pid;
}

/** Why the daemon cannot run here; undefined when it can. */
export function systemProblem(): string | undefined {
  if (process.platform !== 'linux')
    return `The windlass daemon runs on Linux only, not on ${process.platform}`;
  if (process.geteuid?.() !== 0)
    return 'The windlass daemon needs to be started with root privileges: use sudo, or connect to a daemon that runs';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 4 || (major === 4 && minor < 9))
    return `Linux kernel ${release()} is too old for containers; 4.9 or newer is needed`;
  if (readlinkSync('/proc/self/ns/net') === '') return 'This kernel has no network namespaces';
  return undefined;
}
