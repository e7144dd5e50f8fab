import { answer, answersOf } from "./_answers.ts";
import { CERTIFICATE_ROWS } from "./_certificate_rows.ts";
import { quote, suggest } from "./_data.ts";
import { DEVICE_ROW } from "./_device_row.ts";
import { HTTP_ROWS } from "./_http_rows.ts";
import type { CriterionRow } from "./_rows.ts";
import { SESSION_ROWS } from "./_session_rows.ts";
import { compileSourceIp } from "./_source_ip.ts";
import { SSH_ROWS } from "./_ssh_rows.ts";
import { TIME_ROWS } from "./_time_rows.ts";
import { PolicyError } from "./errors.ts";
import type { CompiledCriterion } from "./evaluation.ts";
import type { PolicyCriterion } from "./parse.ts";

const SOURCE_IP = answersOf("source-ip");

const CRITERIA: ReadonlyMap<string, CriterionRow> = new Map(Object.entries({
  accept: constantRow(true),
  reject: constantRow(false),
  ...SESSION_ROWS,
  source_ip: {
    compile: ({ data, place }) => {
      const matches = compileSourceIp(data, place);
      return {
        ask: (facts) => SOURCE_IP(matches(facts.sourceIp)),
        found: (facts) => facts.sourceIp,
      };
    },
  },
  ...TIME_ROWS,
  ...HTTP_ROWS,
  ...CERTIFICATE_ROWS,
  device: DEVICE_ROW,
  ...SSH_ROWS,
}));

/** Criteria that the language has and this version does not. */
const NOT_AVAILABLE: ReadonlySet<string> = new Set(["record"]);

/**
 * Looks a criterion up and prepares it for its data.
 *
 * @param criterion not one that holds criteria itself
 * @throws {PolicyError} `policy/unknown-criterion`, `policy/bad-subpath`, `policy/bad-data`,
 * `policy/unknown-matcher`, `policy/too-large`
 */
export function compileCriterion(criterion: PolicyCriterion): CompiledCriterion {
  const row = CRITERIA.get(criterion.name);
  if (row === undefined) throw unknownCriterion(criterion);
  if (criterion.subpath !== null && row.takesSubpath !== true) {
    const message = `The criterion ${criterion.name} takes no path`;
    throw new PolicyError("policy/bad-subpath", message, { place: criterion.place });
  }
  return { kind: "criterion", source: criterion, ...row.compile(criterion) };
}

function constantRow(value: boolean): CriterionRow {
  const always = answer(value, value ? "accept" : "reject");
  return { compile: () => ({ ask: () => always, found: () => null }) };
}

function unknownCriterion({ name, place }: PolicyCriterion): PolicyError {
  if (NOT_AVAILABLE.has(name)) {
    const message = `The criterion ${name} is known but not available in this version`;
    return new PolicyError("policy/unknown-criterion", message, { place });
  }
  const hint = suggest(name, [...CRITERIA.keys()]);
  return new PolicyError("policy/unknown-criterion", `${quote(name)} is not a criterion`, { place, hint });
}
