/** Questions a connection has for a person, waiting until a window answers them. */
import { randomUUID } from 'node:crypto';
import { cancelled, notFound } from '../../shared/errors.ts';
import type { HostQuestion } from '../../shared/shell/contract.ts';

export type Ask = (
  question: Omit<HostQuestion, 'id' | 'host'>,
  signal: AbortSignal,
) => Promise<readonly string[]>;

interface Waiting {
  readonly question: HostQuestion;
  answer(fields: readonly string[] | undefined): void;
}

/** One for all hosts. Answers are handed over and never kept here. */
export class Questions {
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Set<() => void>();

  /** Asks on behalf of one host. The answer rejects with cancelled when the person declines or the signal comes. */
  askFor(host: string): Ask {
    return (question, signal) =>
      new Promise((resolve, reject) => {
        const id = randomUUID();
        const end = (): void => {
          signal.removeEventListener('abort', onAbort);
          this.#waiting.delete(id);
          this.#tell();
        };
        const onAbort = (): void => {
          end();
          reject(cancelled('nobody answered in time'));
        };
        if (signal.aborted) return reject(cancelled('nobody answered in time'));
        signal.addEventListener('abort', onAbort, { once: true });
        const answer = (fields: readonly string[] | undefined): void => {
          end();
          if (fields) resolve(fields);
          else reject(cancelled('the question was declined'));
        };
        this.#waiting.set(id, { question: { ...question, id, host }, answer });
        this.#tell();
      });
  }

  list(): HostQuestion[] {
    return [...this.#waiting.values()].map(({ question }) => question);
  }

  /** Throws notFound when the question is no longer asked. */
  answer(id: string, fields: readonly string[] | undefined): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) throw notFound('this question is no longer asked');
    waiting.answer(fields);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
