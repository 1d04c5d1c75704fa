import type { SystemInfo } from '../../shared/engine/engine-api.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import { Facts } from '../ui/Facts.tsx';
import { formatBytes } from '../ui/format.ts';
import { useAnswer } from '../ui/use-answer.ts';

const ask = (engine: EngineClient) => engine.get<SystemInfo>('/info');

/** What the chosen host's engine says of itself, its warnings first. */
export function EngineFacts() {
  const { data, problem } = useAnswer(ask);
  if (problem !== undefined) return <p className="error-text">{problem}</p>;
  if (!data) return <p className="muted">asking…</p>;
  return (
    <>
      {(data.Warnings ?? []).map((warning) => (
        <p key={warning} className="warning">
          {warning}
        </p>
      ))}
      <Facts
        rows={[
          ['Version', data.ServerVersion],
          ['Machine', [data.OperatingSystem, data.Architecture].filter(Boolean).join(', ')],
          ['Kernel', data.KernelVersion],
          ['Resources', `${data.NCPU ?? '?'} processors, ${formatBytes(data.MemTotal ?? 0)}`],
          ['Data', data.DockerRootDir && <code>{data.DockerRootDir}</code>],
          ['Graph driver', data.Driver],
          ['Log driver', data.LoggingDriver],
          ['Cgroups', `${data.CgroupDriver ?? ''} ${data.CgroupVersion ?? ''}`],
          ['Runtimes', Object.keys(data.Runtimes ?? {}).join(', ')],
          ['Security', (data.SecurityOptions ?? []).join(', ')],
          ['Containers outlive it', data.LiveRestoreEnabled ? 'yes (live restore)' : 'no'],
        ]}
      />
      <p className="muted">
        Its options are those of <code>windlassd --help</code>, given on the command line or in{' '}
        <code>/etc/windlass/daemon.json</code>; they hold from its next start.
      </p>
    </>
  );
}
