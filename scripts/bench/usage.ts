/** Of a second, as /proc counts processor time (sysconf(_SC_CLK_TCK), 100 on every Linux that Deno runs on). */
const TICKS = 100;

/**
 * Processor time of processes so far, user and system, in seconds (resolution: 0.01): of all their threads, of children that
 * have ended and been waited for, and of those that have not. 0 for a process that is gone.
 */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
}

function cpuOf(pid: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  if (stat === "") return 0;
  // The name of the program comes second, in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / TICKS;
  return own + cpuSeconds(childrenOf(pid));
}

/** Resident memory of processes and their children in KiB. */
export function residentKib(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0;
    return sum + Number(resident) + residentKib(childrenOf(pid));
  }, 0);
}

/** Every thread has children of its own. */
function childrenOf(pid: number): number[] {
  const threads = unlessGone(() => [...Deno.readDirSync(`/proc/${pid}/task`)], []);
  return threads.flatMap(({ name }) =>
    readOrEmpty(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean).map(Number)
  );
}

function readOrEmpty(path: string): string {
  return unlessGone(() => Deno.readTextFileSync(path), "");
}

/** Processes and threads may end at any time. */
function unlessGone<T>(read: () => T, gone: T): T {
  try {
    return read();
  } catch (error) {
    // ESRCH, when it ends between opening and reading, has no class of its own.
    const isGone = error instanceof Deno.errors.NotFound ||
      (error instanceof Error && /os error 3\b/.test(error.message));
    if (isGone) return gone;
    throw error;
  }
}
