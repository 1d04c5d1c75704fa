/** A lock whose holders queue in order, e.g. one per container: every verb on it takes its turn. */
export class SerialLock {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everyone before has finished; passes on its result or failure. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    // The queue itself must go on after a failure; the caller gets the failure from `result`.
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
