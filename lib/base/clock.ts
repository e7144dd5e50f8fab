/** Time as a parameter, so that a test can hold it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Milliseconds on a clock that never goes back; for durations. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`, of any length, unless the returned handle is disposed before. The caller disposes it. */
  timer(delayMs: number, run: () => void): Disposable;
}

/** `setTimeout` fires at once for a longer delay than this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(delayMs, run) {
    let id: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number) => {
      const stepMs = Math.min(leftMs, MAX_TIMEOUT_MS);
      id = setTimeout(() => stepMs < leftMs ? wait(leftMs - stepMs) : run(), stepMs);
      Deno.unrefTimer(id);
    };
    wait(delayMs);
    return { [Symbol.dispose]: () => clearTimeout(id) };
  },
};
