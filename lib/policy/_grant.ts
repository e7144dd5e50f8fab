import type { Facts } from "./facts.ts";

/**
 * Proof that a policy said yes. Only this room can construct one (others see the type alone), and nothing is dialled
 * without one, so that dialling without a decision is a type error.
 */
export class Grant {
  /** The route the yes is for. */
  readonly routeId: string;
  /** The session the yes is for; `null` when nobody needed to be signed in. */
  readonly sessionId: string | null;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly decidedAt: number;
  // Makes the class nominal: an object of the same shape is not a Grant.
  readonly #facts: Facts;

  /** Says yes to `facts`. @param facts what the policy said yes to */
  constructor(facts: Facts) {
    this.#facts = facts;
    this.routeId = facts.routeId;
    this.sessionId = facts.session?.sessionId ?? null;
    this.decidedAt = facts.now;
  }

  /** What the decision was made on. */
  get facts(): Facts {
    return this.#facts;
  }
}
