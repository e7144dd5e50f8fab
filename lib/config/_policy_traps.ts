import type { Report } from "./_report.ts";
import { isMapping } from "./value_types.ts";
import type { Path } from "./_yaml_tree.ts";

/** Criteria that compare with one text. */
const TEXT_CRITERIA: ReadonlySet<string> = new Set([
  "email",
  "domain",
  "user",
  "http_method",
  "http_path",
  "mcp_tool",
  "ssh_username",
]);
/** Keys of the criterion on certificates that compare with one text. */
const TEXT_KEYS = ["san_dns", "san_email", "san_uri"];
/** Whether the answers of the criteria are turned round, for each operator. */
const OPERATORS: ReadonlyMap<string, boolean> = new Map(Object.entries({
  and: false,
  or: false,
  not: true,
  nor: true,
  all_of: false,
  any_of: false,
  none_of: true,
}));
/** The levels of a claim that a path can lead through. */
const MAX_CLAIM_LEVELS = 5;

interface Place {
  /** Where it stands. */
  readonly path: Path;
  readonly report: Report;
}

interface Block extends Place {
  /** Whether a criterion that is never true keeps nobody out, rather than letting nobody in. */
  readonly isOpening: boolean;
}

/** Reports what a policy may say and hardly can mean. @param policy that was compiled; @param place its own */
export function warnOfTraps(policy: unknown, { path, report }: Place): void {
  if (!Array.isArray(policy)) return warnInRule(policy, { path, report });
  for (const [index, rule] of policy.entries()) warnInRule(rule, { path: [...path, index], report });
}

function warnInRule(rule: unknown, { path, report }: Place): void {
  for (const [action, body] of entriesOf(rule)) {
    for (const [operator, criteria] of entriesOf(body)) {
      const isOpening = (action === "deny") !== OPERATORS.get(operator);
      warnInBlock(criteria, { path: [...path, action, operator], report, isOpening });
    }
  }
}

function warnInBlock(criteria: unknown, block: Block): void {
  for (const [index, criterion] of (Array.isArray(criteria) ? criteria : []).entries()) {
    for (const [name, data] of entriesOf(criterion)) {
      const there = { ...block, path: [...block.path, index, name] };
      const isNegated = OPERATORS.get(name);
      if (isNegated !== undefined) warnInBlock(data, { ...there, isOpening: block.isOpening !== isNegated });
      else if (TEXT_CRITERIA.has(name)) warnOfList(name, { ...there, data });
      else if (name === "client_certificate") warnInCertificate(data, there);
      else if (name.startsWith("claim/")) warnOfDepth(name.slice("claim/".length), there);
    }
  }
}

/** A list is compared as one value, which no text equals. */
function warnOfList(name: string, { path, report, isOpening, data }: Block & { data: unknown }): void {
  if (!Array.isArray(data)) return;
  const effect = isOpening ? "keeps nobody out" : "lets nobody in";
  const message = `No ${name} equals a list: this criterion ${effect}`;
  report.warn("config/never-matches", { message, hint: `write ${name}: {in: [...]}`, path });
}

function warnInCertificate(matcher: unknown, block: Block): void {
  for (const [key, data] of entriesOf(matcher)) {
    if (TEXT_KEYS.includes(key)) warnOfList(key, { ...block, path: [...block.path, key], data });
  }
}

function warnOfDepth(claim: string, { path, report }: Place): void {
  const levels = claim.split(/[/.]/).length;
  // Names of claims may be URLs (OpenID Connect Core 1.0 section 5.1.2), and those are meant literally.
  if (levels <= MAX_CLAIM_LEVELS || claim.includes("://")) return;
  const message = `This claim has ${levels} levels, more than the ${MAX_CLAIM_LEVELS} that are followed: ` +
    "it is taken for the name of one claim";
  report.warn("config/never-matches", { message, path, at: "key" });
}

function entriesOf(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : [];
}
