/** A report for whoever is to help: what is known, by name, and nothing else; what looks like a secret is taken out. */
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import type { AppInfo, HostRow, Settings } from '../../shared/shell/contract.ts';
import type { Findings } from './diagnose.ts';

export interface Known {
  readonly app: AppInfo;
  readonly settings: Settings;
  readonly hosts: readonly HostRow[];
  readonly findings: Findings;
  readonly containers: readonly ContainerSummary[];
  readonly log: readonly string[];
}

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // In an address: user and password.
  [/(\w+:\/\/)[^/\s@"]+@/g, '$1…@'],
  [
    /((?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|auth(?:orization)?|credential)s?["']?\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)/gi,
    '$1…',
  ],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/g, '$1 …'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '…'],
];

/** The text with what looks like a secret taken out. */
export const withoutSecrets = (text: string): string =>
  SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);

/** Environment, labels, commands and mounts are people's own and stay out. */
export function bundleText({ app, settings, hosts, findings, containers, log }: Known): string {
  const { info, version } = findings;
  const lines = [
    `${app.name} ${app.version}, ${app.shell}, ${app.platform}`,
    `engine ${version?.Version ?? 'unknown'}, API ${version?.ApiVersion ?? '?'}, kernel ${info?.KernelVersion ?? '?'}, ${info?.OperatingSystem ?? '?'}, ${info?.Architecture ?? '?'}`,
    `${info?.NCPU ?? '?'} processors, ${info?.MemTotal ?? '?'} bytes of memory, driver ${info?.Driver ?? '?'}`,
    `theme ${settings.theme}, terminal ${settings.terminalFontSize}`,
    '',
    'Hosts',
    ...hosts.map(({ kind, status }) => `  ${kind}: ${status.state} ${status.reason ?? ''}`),
    '',
    'Parts',
    ...findings.parts.map(({ name, health, words }) => `  ${health} ${name}: ${words}`),
    '',
    'Containers',
    ...containers.map(
      ({ Id, Image, State, Status }) => `  ${Id?.slice(0, 12)} ${Image} ${State}, ${Status}`,
    ),
    '',
    'Engine log',
    ...log.map((line) => `  ${line}`),
  ];
  return withoutSecrets(`${lines.join('\n')}\n`);
}
