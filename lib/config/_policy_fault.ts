import type { PolicyError } from "../policy/errors.ts";
import type { Report } from "./_report.ts";
import type { Path } from "./_yaml_tree.ts";

/** Faults of a policy that lie in the key itself, not in what it holds. */
const KEY_FAULTS: ReadonlySet<string> = new Set([
  "policy/unknown-action",
  "policy/unknown-operator",
  "policy/unknown-criterion",
  "policy/unknown-matcher",
  "policy/bad-subpath",
  "policy/shorthand-conflict",
]);

/** Reports what is wrong with a policy. @param place `path`: of what the fault is relative to */
export function reportPolicyFault(
  { code, message, hint, path }: PolicyError,
  place: { readonly report: Report; readonly path: Path },
): void {
  const at = KEY_FAULTS.has(code) ? "key" : "value";
  place.report.error(code, { message, hint, path: [...place.path, ...path], at });
}
