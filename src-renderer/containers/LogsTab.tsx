import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { FrameParser } from '../../shared/framing.ts';
import { useApp } from '../app/context.tsx';
import { query } from '../engine/engine-client.ts';
import { showToast } from '../ui/toasts.ts';
import { LogBuffer, type LogLine, withoutAnsi } from './log-buffer.ts';

const TAIL = 5000;

interface LogsTabProps {
  readonly id: string;
  /** A start begins the stream anew. */
  readonly state: string;
}

export function LogsTab({ id, state }: LogsTabProps) {
  const { engine } = useApp();
  const buffer = useRef(new LogBuffer());
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [timestamps, setTimestamps] = useState(false);
  const [wraps, setWraps] = useState(true);
  const [search, setSearch] = useState('');
  const isLive = state === 'running' || state === 'paused';

  useEffect(() => {
    const abort = new AbortController();
    buffer.current = new LogBuffer();
    let frame = 0;
    const draw = (): void => {
      if (frame) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        setLines(buffer.current.lines());
      });
    };
    const read = async (): Promise<void> => {
      const { Config } = await engine.get<{ Config: { Tty: boolean } }>(`/containers/${id}/json`);
      const options = {
        stdout: 1,
        stderr: 1,
        tail: TAIL,
        follow: isLive ? 1 : 0,
        timestamps: timestamps ? 1 : 0,
      };
      const bytes = await engine.bytes(`/containers/${id}/logs${query(options)}`, abort.signal);
      const parser = new FrameParser();
      for await (const chunk of bytes) {
        if (Config.Tty) buffer.current.push('stdout', chunk);
        else
          for (const piece of parser.push(chunk))
            buffer.current.push(piece.source === 'stderr' ? 'stderr' : 'stdout', piece.bytes);
        draw();
      }
    };
    draw();
    read().catch((error: unknown) => {
      if (!abort.signal.aborted) showToast('error', `Logs: ${errorMessage(error)}`);
    });
    return () => {
      abort.abort();
      cancelAnimationFrame(frame);
    };
  }, [engine, id, isLive, timestamps]);

  const shown = useMemo(
    () =>
      search === ''
        ? lines
        : lines.filter((line) => line.text.toLowerCase().includes(search.toLowerCase())),
    [lines, search],
  );
  const copy = (): void => {
    void navigator.clipboard
      .writeText(shown.map((line) => withoutAnsi(line.text)).join('\n'))
      .then(() => showToast('info', `${shown.length} lines copied`));
  };
  return (
    <div className="pane">
      <div className="tools">
        <input
          type="search"
          placeholder="Search the log…"
          aria-label="Search the log"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label>
          <input
            type="checkbox"
            checked={timestamps}
            onChange={(event) => setTimestamps(event.target.checked)}
          />{' '}
          Timestamps
        </label>
        <label>
          <input
            type="checkbox"
            checked={wraps}
            onChange={(event) => setWraps(event.target.checked)}
          />{' '}
          Wrap
        </label>
        <div className="spacer" />
        <span className="muted">{shown.length} lines</span>
        <button type="button" onClick={copy}>
          Copy
        </button>
        <button
          type="button"
          onClick={() => {
            buffer.current.clear();
            setLines([]);
          }}
        >
          Clear
        </button>
      </div>
      <LogView lines={shown} wraps={wraps} />
    </div>
  );
}

function LogView({
  lines,
  wraps,
}: {
  readonly lines: readonly LogLine[];
  readonly wraps: boolean;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 20,
    overscan: 30,
  });
  useEffect(() => {
    if (follows && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [lines, follows, virtual]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    // Reading further up stops the following; the end starts it again.
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < 40);
  };
  return (
    <div className="log-frame">
      <div
        className={`log${wraps ? ' wraps' : ''}`}
        ref={scroller}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-label="Container log"
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            return (
              line && (
                <div
                  key={line.number}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className={`log-line ${line.source}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {withoutAnsi(line.text) || ' '}
                </div>
              )
            );
          })}
        </div>
        {lines.length === 0 && <p className="empty">Nothing has been written yet.</p>}
      </div>
      {!follows && (
        <button type="button" className="follow" onClick={() => setFollows(true)}>
          Follow the end
        </button>
      )}
    </div>
  );
}
