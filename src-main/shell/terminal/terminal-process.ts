/** What a terminal shows: a process with a pseudo-terminal, wherever it runs. */

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalProcess {
  /**
   * Hands over what it says, each piece when the one before was taken, and answers how it ended. A process
   * nobody takes from waits. Called once; throws when the connection to it breaks.
   */
  run(take: (bytes: Uint8Array) => Promise<void>): Promise<{ readonly code?: number | undefined }>;
  /** Types. Resolves when there is room for more; what is typed after its end is dropped. */
  write(bytes: Uint8Array): Promise<void>;
  /** Never throws: a process that ended meanwhile has no size. */
  resize(size: TerminalSize): Promise<void>;
  /** Hangs up; `run` ends soon after. Never throws. */
  end(): Promise<void>;
}
