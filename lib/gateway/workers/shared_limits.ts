import type { Attempt, AttemptLimiter, AttemptOutcome } from "../../identity/attempt_limiter.ts";
import type { Offence, Penalties } from "../../ssh/penalties.ts";
import type { WorkerLink } from "./worker_link.ts";

const ATTEMPT = "attempt";
const OFFENCE = "offence";

/**
 * Has all workers count sign-ins that fail together: with each counting for itself, somebody would have as many attempts
 * more as there are workers. What others say comes a moment later, so that many at the very same time can be a few more.
 */
export function shareLimits(
  link: WorkerLink,
  { limiter, penalties }: { limiter: AttemptLimiter; penalties: Penalties },
): Disposable {
  limiter.onAttempt = (attempt, outcome) => link.say(ATTEMPT, { attempt, outcome });
  penalties.onChange = (address, offence) => link.say(OFFENCE, { address, offence });
  const held = new DisposableStack();
  held.use(link.hear(ATTEMPT, (value) => {
    const { attempt, outcome } = value as { attempt: Attempt; outcome: AttemptOutcome };
    limiter.heard(attempt, outcome);
  }));
  held.use(link.hear(OFFENCE, (value) => {
    const { address, offence } = value as { address: string; offence: Offence | null };
    penalties.heard(address, offence);
  }));
  return held;
}
