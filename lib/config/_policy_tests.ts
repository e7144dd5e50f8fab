import type { CompiledPolicy } from "../policy/compile.ts";
import { decide } from "../policy/decide.ts";
import type { Decision, Outcome } from "../policy/decision.ts";
import type { Facts } from "../policy/facts.ts";
import type { Values } from "./key_table.ts";
import { policyTestKeys, type TestAnswer } from "./policy_test_keys.ts";
import { describe, quote } from "./_quote.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import { isMapping } from "./value_types.ts";

/** Tests in one file. */
const MAX_TESTS = 10_000;
/** When a test is said to take place that does not say so: always the same, so that no test depends on the day. */
const DEFAULT_TIME = Date.UTC(2026, 0, 1, 12);

/** How many tests were run so far. */
export interface TestCount {
  run: number;
}

/** What is tested. */
export interface TestedRoute {
  readonly id: string;
  readonly policy: CompiledPolicy;
  readonly place: MappingPlace;
  readonly count: TestCount;
}

/** Asks the policy of a route what its `tests` ask, and reports those that it answers otherwise. */
export function runPolicyTests(tests: readonly unknown[], route: TestedRoute): void {
  const { count, place: { report, path: routePath } } = route;
  for (const [index, mapping] of tests.entries()) {
    const path = [...routePath, "tests", index];
    if (count.run >= MAX_TESTS) {
      report.error("config/too-large", {
        message: `There are more than ${MAX_TESTS} tests in this file`,
        path,
      });
      return;
    }
    count.run++;
    if (!isMapping(mapping)) {
      const message = `A test must be a mapping: found ${describe(mapping)}`;
      report.error("config/wrong-type", {
        message,
        hint: "as in - {user: a@example.com, expect: allow}",
        path,
      });
      continue;
    }
    runTest({ ...route.place, mapping, path, isStrict: true }, route);
  }
}

function runTest(place: MappingPlace, { id, policy }: TestedRoute): void {
  const { path, report } = place;
  const errorsBefore = report.errorCount;
  const values = readKeys(policyTestKeys, place);
  if (report.errorCount > errorsBefore) return;
  if (values.expect === null) {
    const hint = "add expect: allow, expect: deny or expect: login";
    report.error("config/missing-key", { message: "This test expects nothing", hint, path });
    return;
  }
  const decision = decide(policy, { ...factsOf(values, place), routeId: id });
  const answer = answerOf(decision);
  if (answer === values.expect) return;
  const name = values.name === null ? "This test" : `The test ${quote(values.name)}`;
  report.error("config/test-failed", {
    message: `${name} expects ${values.expect}, and the policy answers ${answer}: ${reasonsOf(decision)}`,
    path: [...path, "expect"],
  });
}

function factsOf(
  { user, ip, at, method, path }: Values<typeof policyTestKeys>,
  { protocol }: MappingPlace,
): Omit<Facts, "routeId"> {
  const http = { method, path, origin: null, accessControlRequestMethod: null };
  return { now: at ?? DEFAULT_TIME, sourceIp: ip, session: user, http: protocol === "http" ? http : null };
}

function answerOf({ verdict }: Decision): TestAnswer {
  if (verdict === "allowed") return "allow";
  return verdict === "unauthenticated" ? "login" : "deny";
}

function reasonsOf({ allow, deny }: Decision): string {
  return `allow is ${outcomeText(allow)}, deny is ${outcomeText(deny)}`;
}

function outcomeText({ value, reasons }: Outcome): string {
  return `${value} (${reasons.length === 0 ? "there is no rule" : reasons.join(", ")})`;
}
