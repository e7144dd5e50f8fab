import { type Child, startDeno } from "./children.ts";
import type { Elapsed, Job, Load, RoundTrips } from "./load.ts";
import type { Peer } from "./peers.ts";
import { cpuSeconds } from "./usage.ts";

const JOB_TIMEOUT_MS = 180_000;

/** What the load program measured. */
export type Outcome<L extends Load> = L extends { kind: "echo" | "twoWrites" } ? RoundTrips : Elapsed;

/** Puts a load on a peer. @returns what came of it, and the processor time that the proxy spent meanwhile */
export async function runJob<L extends Load>(
  peer: Peer,
  load: L,
): Promise<Outcome<L> & { cpuSeconds: number }> {
  await using child = startLoad(peer, load);
  const before = peer.pid === null ? 0 : cpuSeconds(peer.pid);
  const outcome = JSON.parse(await finished(child)) as Outcome<L>;
  const after = peer.pid === null ? 0 : cpuSeconds(peer.pid);
  return { ...outcome, cpuSeconds: after - before };
}

/** Starts a load that is to be held. The caller disposes it, once {@link finished}. */
export function startLoad(peer: Peer, load: Load): Child {
  // Not an argument: those are for everybody to see, and the job holds a token.
  const job: Job = { path: peer.path, ...load };
  return startDeno("scripts/bench/load.ts", { env: { JOB: JSON.stringify(job) } });
}

/** @returns what the load program printed */
export function finished(child: Child): Promise<string> {
  return child.firstLine(JOB_TIMEOUT_MS);
}
