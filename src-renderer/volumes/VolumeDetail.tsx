import { ArrowLeft } from 'lucide-react';
import { useCallback } from 'react';
import { Link } from 'wouter';
import type { Volume } from '../../shared/engine/engine-api.ts';
import { useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { FileBrowser } from '../files/FileBrowser.tsx';
import { Facts } from '../ui/Facts.tsx';
import { formatAge } from '../ui/format.ts';
import { PageProblem } from '../ui/PageProblem.tsx';
import { useAnswer } from '../ui/use-answer.ts';

const pairsOf = (pairs: Record<string, string> | null | undefined): string =>
  Object.entries(pairs ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

/** One volume: where it lies, how it was made, who mounts it and where. */
export function VolumeDetail({ name }: { readonly name: string }) {
  const ask = useCallback(
    (engine: EngineClient) => engine.get<Volume>(`/volumes/${encodeURIComponent(name)}`),
    [name],
  );
  const { data, problem } = useAnswer(ask);
  const containers = useLive((state) => state.containers);
  const mounts = (containers ?? []).flatMap((container) =>
    (container.Mounts ?? [])
      .filter((mount) => mount.Type === 'volume' && mount.Name === name)
      .map((mount) => ({ container, mount })),
  );
  // One that may write, if there is one.
  const holder = mounts.find(({ mount }) => mount.RW !== false) ?? mounts[0];
  return (
    <>
      <header className="bar one-line">
        <Link href="/volumes" className="button icon" aria-label="Back to the volumes">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <div className="two-lines">
          <h1>{name}</h1>
          <span className="muted">volume of the {data?.Driver ?? ''} driver</span>
        </div>
      </header>
      <PageProblem text={problem} />
      {data && (
        <div className="page">
          <Facts
            rows={[
              ['Lies at', <code key="at">{data.Mountpoint}</code>],
              ['Created', formatAge(Date.parse(data.CreatedAt ?? '') / 1000)],
              ['Options', pairsOf(data.Options)],
              ['Labels', pairsOf(data.Labels)],
            ]}
          />
          <h2>Mounted by</h2>
          {mounts.length === 0 ? (
            <p className="muted">No container mounts it.</p>
          ) : (
            <ul className="plain">
              {mounts.map(({ container, mount }) => (
                <li key={`${container.Id}${mount.Destination}`}>
                  <Link href={`/containers/${container.Id}`}>{container.Names?.[0]?.slice(1)}</Link>{' '}
                  at <code>{mount.Destination}</code>
                  {mount.RW === false && <span className="muted"> read-only</span>}
                </li>
              ))}
            </ul>
          )}
          <h2>Files</h2>
          {holder?.container.Id === undefined ? (
            <p className="muted">They can be looked at through a container that mounts it.</p>
          ) : (
            <div className="volume-files">
              <FileBrowser
                key={holder.container.Id}
                id={holder.container.Id}
                top={holder.mount.Destination ?? '/'}
              />
            </div>
          )}
        </div>
      )}
    </>
  );
}
