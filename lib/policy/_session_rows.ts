import { answersOf, type Family } from "./_answers.ts";
import { requireClaimLookup } from "./_claims.ts";
import { type CriterionRow, sessionRow } from "./_rows.ts";
import { domainOf } from "./_email.ts";
import { PolicyError } from "./errors.ts";
import type { SessionFacts } from "./facts.ts";
import { compileListMatcher, compileStringMatcher } from "./matchers.ts";

const CLAIM = answersOf("claim");
const GROUPS = answersOf("groups");
const USER = answersOf("user");

/** Criteria on who is signed in. */
export const SESSION_ROWS: Readonly<Record<string, CriterionRow>> = {
  authenticated_user: sessionRow(() => ({
    ask: (session) => USER(session.userId !== ""),
    found: (session) => session.userId,
  })),
  email: personRow("email", (session) => session.email),
  domain: personRow("domain", (session) => domainOf(session.email)),
  user: personRow("user", (session) => session.userId),
  groups: sessionRow(({ data, place }) => {
    const matches = compileListMatcher(data, place);
    return { ask: (session) => GROUPS(matches(session.groups)), found: (session) => session.groups };
  }),
  claim: {
    takesSubpath: true,
    ...sessionRow(({ subpath, data, place }) => {
      if (subpath === null || subpath === "") {
        const hint = "write it like claim/groups";
        throw new PolicyError("policy/bad-subpath", "The criterion claim names no claim", { place, hint });
      }
      const lookup = requireClaimLookup(subpath, { place, code: "policy/bad-subpath" });
      const matches = compileListMatcher(data, place);
      return {
        ask: (session) => CLAIM(matches(lookup(session.claims))),
        found: (session) => lookup(session.claims),
      };
    }),
  },
};

function personRow(family: Family, textOf: (session: SessionFacts) => string): CriterionRow {
  const answers = answersOf(family);
  return sessionRow(({ data, place }) => {
    const matches = compileStringMatcher(data, place);
    return { ask: (session) => answers(matches(textOf(session))), found: textOf };
  });
}
