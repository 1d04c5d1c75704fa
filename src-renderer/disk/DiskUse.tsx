import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { SystemDataUsageAnswer } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { Confirm } from '../ui/Confirm.tsx';
import { formatBytes } from '../ui/format.ts';
import { PageProblem } from '../ui/PageProblem.tsx';
import { showToast } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { type DiskPart, partsOf } from './disk-parts.ts';

const ask = (engine: EngineClient) => engine.get<SystemDataUsageAnswer>('/system/df');

/** Where the disk went and what can be won back, each with what would go. */
export function DiskUse() {
  const { engine } = useApp();
  const images = useLive((state) => state.images);
  const containers = useLive((state) => state.containers);
  const { data, problem, reload } = useAnswer(
    ask,
    [images, containers].map((one) => one?.length).join(),
  );
  const [doomed, setDoomed] = useState<readonly DiskPart[]>([]);
  const parts = data && partsOf(data);
  const total = parts?.reduce((sum, { size }) => sum + size, 0) ?? 0;
  const winnable = parts?.filter(({ unused }) => unused.length > 0) ?? [];
  const prune = async (targets: readonly DiskPart[]): Promise<void> => {
    for (const [method, path] of targets.flatMap(({ requests }) => requests)) {
      try {
        await engine.json(method, path);
      } catch (error) {
        showToast('error', errorMessage(error));
      }
    }
    const after = partsOf(await ask(engine)).reduce((sum, { size }) => sum + size, 0);
    showToast('info', `${formatBytes(Math.max(0, total - after))} won back`);
    reload();
  };
  return (
    <>
      <header className="bar">
        <h1>Disk use</h1>
        <span className="muted">{parts && `${formatBytes(total)} in all`}</span>
        <div className="spacer" />
        <button
          type="button"
          className="danger"
          disabled={winnable.length === 0}
          onClick={() => setDoomed(winnable)}
        >
          <Trash2 size={16} aria-hidden /> Win back{' '}
          {formatBytes(winnable.reduce((sum, { reclaimable }) => sum + reclaimable, 0))}
        </button>
      </header>
      <PageProblem text={problem} />
      {!parts && problem === undefined && (
        <div className="skeleton" role="status" aria-label="Loading" />
      )}
      {parts && (
        <div className="page cards">
          {parts.map((part) => (
            <section key={part.name} className="card">
              <header>
                <h2>{part.name}</h2>
                <b>{formatBytes(part.size)}</b>
              </header>
              <meter
                min={0}
                max={Math.max(part.size, 1)}
                value={part.size - part.reclaimable}
                aria-label={`${part.name}: in use`}
              />
              <p className="muted">
                {part.count} in all, {part.count - part.unused.length} in use;{' '}
                {formatBytes(part.reclaimable)} can be won back.
              </p>
              <button
                type="button"
                disabled={part.unused.length === 0}
                onClick={() => setDoomed([part])}
              >
                Remove {part.unused.length} unused
              </button>
            </section>
          ))}
        </div>
      )}
      {doomed.length > 0 && (
        <Confirm
          title="Remove what nobody uses?"
          action="Remove"
          onConfirm={() => void prune(doomed)}
          onClose={() => setDoomed([])}
        >
          {doomed.map(({ name, unused, reclaimable }) => (
            <div key={name}>
              <b>
                {name}: {formatBytes(reclaimable)}
              </b>
              <ul className="names">
                {unused.map((one) => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            </div>
          ))}
        </Confirm>
      )}
    </>
  );
}
