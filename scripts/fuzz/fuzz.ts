import { mutate } from "./mutate.ts";
import { PseudoRandom } from "./pseudo_random.ts";
import type { FuzzTarget } from "./targets.ts";

/** How long to go on, and with which inputs. */
export interface FuzzOptions {
  /** The same seed makes the same inputs; an integer from 0 to 2^32-1. */
  readonly seed: number;
  /** Whether to go on, asked before each execution with the number of those that have been. */
  readonly goOn: (executions: number) => boolean;
}

/** What was run, and what was found. */
export interface FuzzReport {
  readonly executions: number;
  /** Different outcomes that were seen. */
  readonly outcomes: number;
  /** The input that the target failed for; `null` when there was none. */
  readonly failure: { readonly input: Uint8Array; readonly error: unknown } | null;
}

/** Inputs with a new outcome are kept to be changed further, up to so many. */
const MAX_CORPUS = 1000;

/** Runs `target` with its seeds, then with inputs that come of them, until one fails or `goOn` says no. */
export function fuzz(target: FuzzTarget, { seed, goOn }: FuzzOptions): FuzzReport {
  const random = new PseudoRandom(seed);
  const corpus = [...target.seeds];
  const outcomes = new Set<string>();
  let executions = 0;
  for (; goOn(executions); executions++) {
    const input = target.seeds[executions] ?? mutate(corpus, random);
    try {
      const outcome = target.run(input);
      if (!outcomes.has(outcome) && corpus.length < MAX_CORPUS) corpus.push(input);
      if (outcomes.size < MAX_CORPUS) outcomes.add(outcome);
    } catch (error) {
      return { executions: executions + 1, outcomes: outcomes.size, failure: { input, error } };
    }
  }
  return { executions, outcomes: outcomes.size, failure: null };
}
