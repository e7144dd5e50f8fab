/** How a process ended. */
export interface ProcessEnd {
  /** What it left; 128 and the number of the signal when one ended it. */
  readonly code: number;
  /** The signal that ended it, such as `SIGKILL`; `null` when it ended by itself. */
  readonly signal: string | null;
}

/** A process of this program, started to be a worker. */
export interface WorkerProcess {
  /** Its standard output. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when it is no more, and its output has ended or will. */
  readonly ended: Promise<ProcessEnd>;
  /** Writes to its standard input after what was written before. Never throws: who does not read has ended, or will be. */
  write(text: string): void;
  /** Closes its standard input, at which it ends. */
  hangUp(): void;
  /** Ends it at once. */
  kill(): void;
}

/** Starts a worker, whose standard error is that of this process. @throws when it cannot be started */
export type StartWorker = () => WorkerProcess;
