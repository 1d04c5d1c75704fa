import { useEffect, useState } from 'react';
import type { LaunchRecord, LaunchReport } from '../../shared/engine/windlass-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';

/** The glass box: every step of create, start and stop as it took its time, beside what was run. */
export function LaunchTab({ id, state }: { readonly id: string; readonly state: string }) {
  const { engine } = useApp();
  const [report, setReport] = useState<LaunchReport>();
  const [problem, setProblem] = useState('');
  useEffect(() => {
    engine
      .get<LaunchReport>(`/windlass/containers/${id}/launch`)
      .then(setReport, (error: unknown) => setProblem(errorMessage(error)));
  }, [engine, id, state]);
  if (problem !== '')
    return <p className="empty">This engine does not record launches: {problem}</p>;
  if (!report) return <div className="skeleton" aria-label="Loading" />;
  return (
    <div className="pane launch">
      {report.records.length === 0 && <p className="empty">Nothing has been launched yet.</p>}
      {report.records.toReversed().map((record) => (
        <Waterfall key={record.startMs} record={record} />
      ))}
      <Evidence title="/etc/hosts" text={report.networkFiles.hosts} />
      <Evidence title="/etc/hostname" text={report.networkFiles.hostname} />
      <Evidence title="/etc/resolv.conf" text={report.networkFiles.resolvConf} />
      <Evidence title="Mounts" text={JSON.stringify(report.mounts, null, 2)} />
      <Evidence title="OCI spec" text={JSON.stringify(report.spec, null, 2)} />
    </div>
  );
}

function Waterfall({ record }: { readonly record: LaunchRecord }) {
  const total = Math.max(record.durationMs, 0.1);
  return (
    <section className="waterfall" aria-label={record.operation}>
      <h2>
        <b>{record.operation}</b>{' '}
        <span className="muted">
          {record.durationMs.toFixed(1)} ms · {new Date(record.startMs).toLocaleString()}
        </span>
      </h2>
      {record.error !== undefined && <p className="error-text">{record.error}</p>}
      {record.spans.map((span) => {
        const left = ((span.startMs - record.startMs) / total) * 100;
        const width = Math.max((span.durationMs / total) * 100, 0.4);
        return (
          <div key={`${span.name}${span.startMs}`} className="span" title={span.detail}>
            <span className="span-name" style={{ paddingLeft: span.depth * 14 }}>
              {span.name}
            </span>
            <span className="track">
              <span
                className={`fill${span.error === undefined ? '' : ' failed'}`}
                style={{
                  left: `${Math.min(left, 99)}%`,
                  width: `${Math.min(width, 100 - Math.min(left, 99))}%`,
                }}
              />
            </span>
            <span className="span-time">{span.durationMs.toFixed(1)} ms</span>
          </div>
        );
      })}
    </section>
  );
}

function Evidence({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <details>
      <summary>{title}</summary>
      <pre className="code">{text || '(empty)'}</pre>
    </details>
  );
}
