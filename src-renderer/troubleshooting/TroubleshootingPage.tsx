import { RotateCw } from 'lucide-react';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { useHosts } from '../hosts/hosts-store.ts';
import { saveStream } from '../ui/save-stream.ts';
import { showToast, tellFailure } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { bundleText } from './bundle.ts';
import { diagnose, type Part } from './diagnose.ts';

const DOTS: Readonly<Record<Part['health'], string>> = {
  well: 'dot-running',
  doubtful: 'dot-paused',
  ill: 'dot-dead',
};
const NO_LOG =
  'The engine is not part of this window. As a service it writes to the journal: journalctl -u windlassd';

/** How each part is, what the engine said, and a report to hand on. */
export function TroubleshootingPage() {
  const { shell, info, settings } = useApp();
  const hosts = useHosts((state) => state.hosts);
  const containers = useLive((state) => state.containers);
  // Asked about when somebody looks, not whenever a host's latency changes.
  const newest = useRef(hosts);
  newest.current = hosts;
  const [isReported, setIsReported] = useState(false);
  const ask = useCallback(
    async (engine: EngineClient) => {
      const [findings, { lines }] = await Promise.all([
        diagnose(engine, newest.current),
        shell.call('engine.log', {}),
      ]);
      return { findings, lines };
    },
    [shell],
  );
  const { data, reload } = useAnswer(ask);
  const report = useMemo(
    () =>
      data &&
      bundleText({
        app: info,
        settings,
        hosts,
        findings: data.findings,
        containers: containers ?? [],
        log: data.lines ?? [],
      }),
    [data, info, settings, hosts, containers],
  );
  return (
    <>
      <header className="bar">
        <h1>Troubleshooting</h1>
        <span className="muted">what works, and what does not</span>
        <div className="spacer" />
        <button type="button" onClick={reload}>
          <RotateCw size={16} aria-hidden /> Look again
        </button>
      </header>
      <div className="page">
        {!data && <div className="skeleton" role="status" aria-label="Loading" />}
        {data && (
          <ul className="plain parts" aria-label="Parts">
            {data.findings.parts.map(({ name, health, words }) => (
              <li key={`${name}${words}`}>
                <span className={`dot ${DOTS[health]}`} aria-hidden />
                <b>{name}</b>
                <span>
                  {health === 'well' ? '' : `${health}: `}
                  {words}
                </span>
              </li>
            ))}
          </ul>
        )}
        <h2>Engine log</h2>
        {data && (
          <pre className="code tall" tabIndex={0} aria-label="Engine log">
            {data.lines === undefined ? NO_LOG : data.lines.join('\n') || 'Nothing yet.'}
          </pre>
        )}
        <h2>Report</h2>
        <p className="muted">
          A text to send to whoever helps you. It names parts, images and states; environment,
          labels, commands and mounts stay out, and so does what looks like a password or a token.
          Read it before you send it: nothing is sent from here.
        </p>
        <div className="actions">
          <button type="button" disabled={!report} onClick={() => setIsReported(!isReported)}>
            {isReported ? 'Hide the report' : 'Show the report'}
          </button>
          <button type="button" disabled={!report} onClick={() => tellFailure(copy(report ?? ''))}>
            Copy
          </button>
          <button
            type="button"
            disabled={!report}
            onClick={() => tellFailure(saveStream('windlass-report.txt', bytesOf(report ?? '')))}
          >
            Save
          </button>
        </div>
        {isReported && (
          <pre className="code tall" tabIndex={0} aria-label="Report">
            {report}
          </pre>
        )}
      </div>
    </>
  );
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  showToast('info', 'The report is copied');
}

const bytesOf = async (text: string): Promise<AsyncIterable<Uint8Array>> =>
  (async function* bytes() {
    yield new TextEncoder().encode(text);
  })();
