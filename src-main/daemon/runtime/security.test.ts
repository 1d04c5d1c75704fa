import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasX32 } from '../platform/kernel.ts';
import { appArmorProfile, defaultProfileText } from './apparmor.ts';
import { ALL_CAPABILITIES, capabilitiesFor } from './capabilities.ts';
import { seccompFor } from './seccomp.ts';
import { parseSecurityOptions } from './security-options.ts';
import { tmpfsOptions } from './tmpfs-options.ts';

describe('parseSecurityOptions', () => {
  it.each([
    [[], {}],
    [['no-new-privileges'], { noNewPrivileges: true }],
    [['no-new-privileges=false'], { noNewPrivileges: false }],
    [['no-new-privileges:true', 'no-new-privileges=0'], { noNewPrivileges: false }],
    [['seccomp={"a":"b=c"}'], { seccomp: '{"a":"b=c"}' }],
    [['seccomp:unconfined', 'apparmor=mine'], { seccomp: 'unconfined', apparmor: 'mine' }],
    [['label=disable', 'disable'], {}],
  ])('reads %j', (SecurityOpt, options) => {
    expect(parseSecurityOptions({ SecurityOpt })).toEqual(options);
  });

  it.each([
    ['foo', 'invalid --security-opt 1: "foo"'],
    ['foo=bar', 'invalid --security-opt 2: "foo=bar"'],
    ['no-new-privileges=maybe', 'invalid --security-opt 2: "no-new-privileges=maybe"'],
  ])('refuses %j', (option, message) => {
    expect(() => parseSecurityOptions({ SecurityOpt: [option] })).toThrow(message);
  });
});

describe('capabilitiesFor', () => {
  it('adds to and drops from the default fourteen', () => {
    expect(capabilitiesFor({})).toHaveLength(14);
    const names = capabilitiesFor({ CapAdd: ['net_admin'], CapDrop: ['CAP_MKNOD'] });
    expect(names).toContain('CAP_NET_ADMIN');
    expect(names).not.toContain('CAP_MKNOD');
  });

  it('knows ALL both ways', () => {
    expect(capabilitiesFor({ CapDrop: ['all'] })).toEqual([]);
    expect(capabilitiesFor({ CapDrop: ['ALL'], CapAdd: ['CHOWN'] })).toEqual(['CAP_CHOWN']);
    expect(capabilitiesFor({ CapAdd: ['ALL'], CapDrop: ['SYS_ADMIN'] })).toEqual(
      ALL_CAPABILITIES.filter((name) => name !== 'CAP_SYS_ADMIN'),
    );
    expect(capabilitiesFor({ Privileged: true })).toEqual(ALL_CAPABILITIES);
  });

  it('refuses a capability nobody knows', () => {
    expect(() => capabilitiesFor({ CapAdd: ['nope'] })).toThrow(
      'invalid CapAdd: unknown capability: "CAP_NOPE"',
    );
  });
});

interface OciSeccomp {
  readonly defaultAction: string;
  readonly architectures: readonly string[];
  readonly syscalls: readonly { readonly names: readonly string[]; readonly action: string }[];
}

describe('seccompFor', () => {
  const base = {
    privileged: false,
    option: undefined,
    daemonProfile: undefined,
    capabilities: capabilitiesFor({}),
  };
  const allowed = (profile: object | undefined, name: string): boolean =>
    (profile as OciSeccomp).syscalls.some(
      ({ names, action }) => names.includes(name) && action === 'SCMP_ACT_ALLOW',
    );
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'wl-seccomp-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('denies by default and lets through what a capability stands for', () => {
    const plain = seccompFor(base) as OciSeccomp;
    expect(plain.defaultAction).toBe('SCMP_ACT_ERRNO');
    expect(allowed(plain, 'read')).toBe(true);
    expect(allowed(plain, 'mount')).toBe(false);
    const admin = seccompFor({ ...base, capabilities: ['CAP_SYS_ADMIN'] });
    expect(allowed(admin, 'mount')).toBe(true);
  });

  it.runIf(process.arch === 'x64')('covers the 32-bit architectures the kernel has', () => {
    expect((seccompFor(base) as OciSeccomp).architectures).toEqual([
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X86',
      ...(hasX32() ? ['SCMP_ARCH_X32'] : []),
    ]);
  });

  it('computes a profile once', () => {
    expect(seccompFor(base)).toBe(seccompFor(base));
  });

  it('is off for the privileged and the unconfined', () => {
    expect(seccompFor({ ...base, privileged: true })).toBeUndefined();
    expect(seccompFor({ ...base, option: 'unconfined' })).toBeUndefined();
    expect(seccompFor({ ...base, daemonProfile: 'unconfined' })).toBeUndefined();
  });

  it('takes a profile of the user, and one of the daemon', async () => {
    const text = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [
        { name: 'chmod', action: 'SCMP_ACT_ERRNO' },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
        { names: ['reboot'], action: 'SCMP_ACT_LOG', includes: { minKernel: '999.0' } },
        { names: ['bpf'], action: 'SCMP_ACT_LOG', includes: { arches: ['mips'] } },
      ],
    });
    const wanted = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [
        { names: ['chmod'], action: 'SCMP_ACT_ERRNO' },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
      ],
    };
    expect(seccompFor({ ...base, option: text })).toEqual(wanted);
    const file = join(directory, 'profile.json');
    await writeFile(file, text);
    expect(seccompFor({ ...base, daemonProfile: file })).toEqual(wanted);
    expect(
      (seccompFor({ ...base, option: text, capabilities: ['CAP_SYS_ADMIN'] }) as OciSeccomp)
        .syscalls,
    ).toHaveLength(1);
  });

  it('says when a profile is no JSON', () => {
    expect(() => seccompFor({ ...base, option: '{bad' })).toThrow(
      /^Decoding seccomp profile failed: /,
    );
  });
});

describe('AppArmor', () => {
  it('confines by default, frees the privileged, and obeys', () => {
    expect(appArmorProfile({}, true)).toBe('docker-default');
    expect(appArmorProfile({ Privileged: true }, true)).toBe('unconfined');
    expect(appArmorProfile({ SecurityOpt: ['apparmor=mine'], Privileged: true }, true)).toBe(
      'mine',
    );
    expect(appArmorProfile({}, false)).toBeUndefined();
  });

  it('writes a profile that its parser understands', () => {
    const text = defaultProfileText('unconfined');
    expect(text).toContain('profile docker-default');
    expect(text).toContain('deny @{PROC}/sysrq-trigger rwklx,');
    let parser = true;
    try {
      execFileSync('apparmor_parser', ['--version'], { stdio: 'ignore' });
    } catch {
      // Not installed here: the text alone was looked at.
      parser = false;
    }
    if (parser) execFileSync('apparmor_parser', ['-Q', '-K'], { input: text });
  });
});

describe('tmpfsOptions', () => {
  it.each([
    [[], ['noexec', 'nosuid', 'nodev', 'rprivate']],
    [['exec'], ['nosuid', 'nodev', 'rprivate', 'exec']],
    [
      ['size=1m', 'defaults', 'size=2m', 'ro', 'rw'],
      ['noexec', 'nosuid', 'nodev', 'rprivate', 'size=2m', 'rw'],
    ],
    [['rshared'], ['noexec', 'nosuid', 'nodev', 'rshared']],
  ])('of %j are %j', (asked, merged) => {
    expect(tmpfsOptions(asked)).toEqual(merged);
  });

  it.each([
    ['bogus', 'invalid tmpfs option ["bogus"]'],
    ['bogus=1', 'invalid tmpfs option ["bogus" "1"]'],
    ['size', 'invalid tmpfs option ["size"]'],
  ])('refuses %j', (option, message) => {
    expect(() => tmpfsOptions([option])).toThrow(message);
  });
});
