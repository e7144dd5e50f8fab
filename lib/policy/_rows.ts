import { type Answerer, UNAUTHENTICATED } from "./_answers.ts";
import type { Answer } from "./decision.ts";
import type { Question } from "./evaluation.ts";
import type { Facts, SessionFacts } from "./facts.ts";
import { compileStringMatcher } from "./matchers.ts";
import type { PolicyCriterion } from "./parse.ts";

/** A row of the table of criteria. */
export interface CriterionRow {
  /** Whether something may follow the name after a slash. Default: nothing may. */
  readonly takesSubpath?: true;
  /** Reads the data. @throws {PolicyError} when it has no meaning here */
  readonly compile: (criterion: PolicyCriterion) => Question;
}

/** A {@link Question} about someone who is signed in. */
export interface SessionQuestion {
  readonly ask: (session: SessionFacts, facts: Facts) => Answer;
  readonly found: (session: SessionFacts, facts: Facts) => unknown;
}

/** A criterion that is never asked without a session: its answer is then `user-unauthenticated`. */
export function sessionRow(compile: (criterion: PolicyCriterion) => SessionQuestion): CriterionRow {
  return {
    compile: (criterion) => {
      const { ask, found } = compile(criterion);
      return {
        ask: (facts) => facts.session === null ? UNAUTHENTICATED : ask(facts.session, facts),
        found: (facts) => facts.session === null ? null : found(facts.session, facts),
      };
    },
  };
}

/** A criterion on a text of the facts; false, whatever the matcher, when they do not have it. */
export function textRow(
  answers: Answerer,
  textOf: (facts: Facts) => string | null | undefined,
): CriterionRow {
  return {
    compile: ({ data, place }) => {
      const matches = compileStringMatcher(data, place);
      return {
        ask: (facts) => {
          const text = textOf(facts) ?? null;
          return answers(text !== null && matches(text));
        },
        found: (facts) => textOf(facts) ?? null,
      };
    },
  };
}
