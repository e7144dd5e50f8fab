import type { CompiledPolicy } from "./compile.ts";
import type { PolicyNode } from "./evaluation.ts";

/**
 * The first instant after `now` at which a time criterion of the policy changes its value, in milliseconds since
 * 1970-01-01T00:00:00Z. Until then the policy decides the same facts as at `now`, but for an `ssh_ca`, whose certificates
 * end when they do. Whoever holds a connection open asks the policy again at that instant.
 *
 * @param now in the same unit, finite
 * @returns `null` when no time criterion changes any more
 */
export function nextChange(policy: CompiledPolicy, now: number): number | null {
  const changes = [policy.allow, policy.deny].flatMap((half) => changesOf(half, now));
  return changes.length === 0 ? null : changes.reduce((a, b) => Math.min(a, b));
}

function changesOf(node: PolicyNode, now: number): number[] {
  if (node.kind === "block") return node.parts.flatMap((part) => changesOf(part, now));
  const change = node.nextChange?.(now) ?? null;
  return change === null ? [] : [change];
}
