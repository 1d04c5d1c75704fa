/** How each part is, as far as the window can find out; on any engine. */
import type { SystemInfo, SystemVersion } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';
import type { EngineClient } from '../engine/engine-client.ts';

export interface Part {
  readonly name: string;
  readonly health: 'well' | 'doubtful' | 'ill';
  /** What is known of it, or what is wrong with it. */
  readonly words: string;
}

export interface Findings {
  readonly parts: readonly Part[];
  readonly info: SystemInfo | undefined;
  readonly version: SystemVersion | undefined;
}

/** An engine that needs longer for a ping is not well. */
const SLOW_MS = 1_000;

const HEALTH: Readonly<Record<HostRow['status']['state'], Part['health']>> = {
  up: 'well',
  slow: 'doubtful',
  connecting: 'doubtful',
  asking: 'doubtful',
  lost: 'ill',
  refused: 'ill',
};

const hostPart = ({ name, status }: HostRow): Part => ({
  name: `Host ${name}`,
  health: HEALTH[status.state],
  words: [status.state, status.reason].filter(Boolean).join(': '),
});

async function pingPart(engine: EngineClient): Promise<Part> {
  const begun = performance.now();
  try {
    for await (const _part of await engine.bytes('/_ping'));
  } catch (error) {
    return { name: 'Engine', health: 'ill', words: errorMessage(error) };
  }
  const ms = Math.round(performance.now() - begun);
  return {
    name: 'Engine',
    health: ms < SLOW_MS ? 'well' : 'doubtful',
    words: `answers in ${ms} ms`,
  };
}

function engineParts(info: SystemInfo, version: SystemVersion): Part[] {
  const programs = (version.Components ?? []).map(({ Name, Version }) => ({
    name: Name ?? '',
    health: Version ? ('well' as const) : ('ill' as const),
    words: Version ? `version ${Version}` : 'not found',
  }));
  const warnings = (info.Warnings ?? []).map((words) => ({
    name: 'Kernel and options',
    health: 'doubtful' as const,
    words: words.replace(/^WARNING: /, ''),
  }));
  return [
    ...programs,
    {
      name: 'Storage',
      health: info.Driver ? 'well' : 'ill',
      words: `${info.Driver ?? 'no graph driver'} at ${info.DockerRootDir ?? '?'}`,
    },
    {
      name: 'Networks',
      health: (info.Plugins?.Network ?? []).includes('bridge') ? 'well' : 'doubtful',
      words: (info.Plugins?.Network ?? []).join(', '),
    },
    {
      name: 'Control groups',
      health: info.CgroupDriver === 'none' ? 'doubtful' : 'well',
      words: `${info.CgroupDriver ?? '?'}, version ${info.CgroupVersion ?? '?'}`,
    },
    ...warnings,
  ];
}

/** Asks everything; what does not answer is told as that. Never rejects. */
export async function diagnose(engine: EngineClient, hosts: readonly HostRow[]): Promise<Findings> {
  const ping = await pingPart(engine);
  const parts = [...hosts.map(hostPart), ping];
  try {
    const [info, version] = await Promise.all([
      engine.get<SystemInfo>('/info'),
      engine.get<SystemVersion>('/version'),
    ]);
    return { parts: [...parts, ...engineParts(info, version)], info, version };
  } catch {
    // The ping has told why.
    return { parts, info: undefined, version: undefined };
  }
}
