/** Small questions of our own to an engine: JSON both ways. */
import { codeForStatus, EngineError } from '../../shared/errors.ts';
import { type EngineAnswer, openEngineRequest } from './engine-gateway.ts';
import type { Host } from './host-book.ts';

/** Any engine that is well answers them in much less; a registry may have to be asked. */
const ANSWER_MS = 30_000;

async function textOf(answer: EngineAnswer): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer.readable as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Throws the engine's refusal in its own words. */
export async function refuseFailure(answer: EngineAnswer): Promise<void> {
  if (answer.status < 300) return;
  const text = await textOf(answer);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: the text is the message.
  }
  throw new EngineError(codeForStatus(answer.status), message, { status: answer.status });
}

/** Asks and answers the JSON. Throws the engine's refusal, unavailable when it cannot be reached. */
export async function askEngine<T>(
  host: Host,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const asked = {
    method,
    path,
    headers: {},
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  const answer = await openEngineRequest(host, asked, AbortSignal.timeout(ANSWER_MS));
  await refuseFailure(answer);
  const text = await textOf(answer);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
