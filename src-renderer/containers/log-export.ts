/** Logs as text that leaves the window. */
import type { EngineClient } from '../engine/engine-client.ts';
import { type LogLine, withoutAnsi } from './log-buffer.ts';
import { type LogSource, readLog } from './use-log.ts';

interface TextOptions {
  /** Of the containers, when there are several. */
  readonly names: readonly string[] | undefined;
  readonly timestamps: boolean;
}

/** A line as it is seen. */
export function textOf(line: LogLine, { names, timestamps }: TextOptions): string {
  const parts = [
    timestamps ? line.time : undefined,
    names && `${names[line.from]} |`,
    withoutAnsi(line.text),
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}

/** All that containers ever wrote, one after another; never held in memory. */
export async function* wholeLog(
  engine: EngineClient,
  sources: readonly LogSource[],
): AsyncGenerator<Uint8Array> {
  for (const { id, name } of sources) {
    if (sources.length > 1) yield new TextEncoder().encode(`==> ${name} <==\n`);
    for await (const { bytes } of readLog(engine, id, { timestamps: 1 })) yield bytes;
  }
}
