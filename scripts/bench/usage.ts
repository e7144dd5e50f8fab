/** Of a second, as /proc counts processor time (sysconf(_SC_CLK_TCK), 100 on every Linux that Deno runs on). */
const TICKS = 100;

/** Processor time of a process so far, all of its threads, user and system, in seconds (resolution: 0.01). */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name of the program comes second, in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory of a process in KiB. */
export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
}
