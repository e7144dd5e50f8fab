import type { ComplaintCode } from "./complaint.ts";
import { ENVIRONMENT_PREFIX, type EnvironmentKey, environmentKeys } from "./environment.ts";
import { globalKeys } from "./global_keys.ts";
import { placeKey, type Report } from "./_report.ts";
import { isMapping } from "./value_types.ts";
import { parseYaml } from "./_yaml.ts";
import type { Path } from "./_yaml_tree.ts";

/** Characters in one variable. */
const MAX_VARIABLE_LENGTH = 1024 * 1024;

/** A configuration with what the environment says instead. */
export interface Overlay {
  /** The plain data of the configuration, as it counts. */
  readonly data: unknown;
  /** For {@link Report}: which variable set what. */
  readonly variables: ReadonlyMap<string, string>;
  /** What is to be said of the variables themselves. */
  readonly remarks: readonly Remark[];
}

interface Remark {
  readonly severity: "error" | "warning";
  readonly code: ComplaintCode;
  readonly message: string;
  readonly hint?: string;
  readonly path: Path;
}

/** Looks up every variable that sets a key. An empty one counts as absent. @param data what the file says */
export function overlayEnvironment(data: unknown, env: (name: string) => string | undefined): Overlay {
  const variables = new Map<string, string>();
  const remarks: Remark[] = [];
  // What is wrong with the file as a whole is said of the file.
  if (data !== undefined && data !== null && !isMapping(data)) return { data, variables, remarks };
  const overlaid: Record<string, unknown> = { ...data };
  for (const key of environmentKeys) {
    const [variable, text] = lookUp(key, env);
    if (text === "") continue;
    const [name, member] = key.path;
    variables.set(placeKey([name, member ?? ""].slice(0, key.path.length)), variable);
    remarks.push(...generalNameRemarks(key, variable));
    const value = readVariable(text, { key, remarks });
    const whole = overlaid[name];
    if (member === undefined) overlaid[name] = value;
    else if (isMapping(whole)) overlaid[name] = { ...whole, [member]: value };
    else if (whole === undefined || whole === null) {
      overlaid[name] = { [member]: value };
      // What is wrong with such a mapping as a whole is said of the variable that began it.
      variables.set(name, variable);
    }
  }
  return { data: overlaid, variables, remarks };
}

/** Reports what is to be said of the variables. */
export function reportRemarks(remarks: readonly Remark[], report: Report): void {
  for (const { severity, code, ...finding } of remarks) {
    if (severity === "error") report.error(code, finding);
    else report.warn(code, finding);
  }
}

function lookUp(
  { name }: EnvironmentKey,
  env: (name: string) => string | undefined,
): [variable: string, text: string] {
  const prefixed = `${ENVIRONMENT_PREFIX}${name}`;
  const own = env(prefixed) ?? "";
  return own === "" ? [name, env(name) ?? ""] : [prefixed, own];
}

function generalNameRemarks({ name, path }: EnvironmentKey, variable: string): Remark[] {
  if (variable !== name || name.includes("_")) return [];
  return [{
    severity: "warning",
    code: "config/from-environment",
    message: `This variable, whose name others may use as well, sets ${path[0]}`,
    hint: `unset it, or call it ${ENVIRONMENT_PREFIX}${name} if that is meant`,
    path,
  }];
}

/** The value of a variable: YAML where the key holds a list or a mapping, else the text. */
function readVariable(text: string, { key, remarks }: { key: EnvironmentKey; remarks: Remark[] }): unknown {
  const { path } = key;
  if (text.length > MAX_VARIABLE_LENGTH) {
    remarks.push({
      severity: "error",
      code: "config/too-large",
      message: "The value is longer than 1 MiB",
      path,
    });
    return null;
  }
  const spec = globalKeys[path[0]];
  const isStructured = path.length === 1 && spec.status === "served" &&
    (spec.type.schema.type === "array" || spec.type.schema.type === "object");
  if (!isStructured) return text;
  const { tree, problems } = parseYaml(text);
  remarks.push(...problems.map(({ severity, code, message, hint }) => {
    return { severity, code, message, ...(hint === null ? {} : { hint }), path };
  }));
  return tree.data ?? null;
}
