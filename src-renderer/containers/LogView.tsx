/** Log lines, drawn as they come into view; follows the end until somebody scrolls up. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { ansiSpans } from './ansi.ts';
import { colourOf } from './LogLegend.tsx';
import type { LogLine } from './log-buffer.ts';
import { cutAtMatches } from './log-search.ts';

const LINE_HEIGHT = 20;
const NEAR_END = 40;

interface LogViewProps {
  readonly lines: readonly LogLine[];
  /** Of the containers, when there are several. */
  readonly names: readonly string[] | undefined;
  readonly timestamps: boolean;
  readonly wraps: boolean;
  readonly matcher: RegExp | undefined;
  /** A line to bring into view; following stops. */
  readonly current: number | undefined;
}

export function LogView(props: LogViewProps) {
  const { lines, names, timestamps, wraps, matcher, current } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 30,
  });
  useEffect(() => {
    if (follows && current === undefined && lines.length > 0)
      virtual.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [lines, follows, virtual, current]);
  useEffect(() => {
    if (current === undefined) return;
    setFollows(false);
    virtual.scrollToIndex(current, { align: 'center' });
  }, [current, virtual]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    // Reading further up stops the following; the end starts it again.
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END);
  };
  const currentNumber = current === undefined ? undefined : lines[current]?.number;
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
                  className={`log-line ${line.source}${line.number === currentNumber ? ' current' : ''}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {timestamps && line.time !== undefined && (
                    <span className="muted">{line.time} </span>
                  )}
                  {names && (
                    <span className={`log-from ${colourOf(line.from)}`}>{names[line.from]} </span>
                  )}
                  <LineText text={line.text} matcher={matcher} />
                </div>
              )
            );
          })}
        </div>
        {lines.length === 0 && <p className="empty">Nothing to show here yet.</p>}
      </div>
      {!follows && (
        <button
          type="button"
          className="follow"
          onClick={() => {
            setFollows(true);
            virtual.scrollToIndex(lines.length - 1, { align: 'end' });
          }}
        >
          Follow the end
        </button>
      )}
    </div>
  );
}

function LineText({
  text,
  matcher,
}: {
  readonly text: string;
  readonly matcher: RegExp | undefined;
}) {
  if (text === '') return ' ';
  // Pieces have no identity of their own; their place is it.
  return ansiSpans(text).map((span, index) => (
    <span key={index.toString()} className={span.classes || undefined}>
      {cutAtMatches(span.text, matcher).map((piece, at) =>
        piece.isMatch ? <mark key={at.toString()}>{piece.text}</mark> : piece.text,
      )}
    </span>
  ));
}
