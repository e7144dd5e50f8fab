import type { ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/**
 * What the positional `ACTION` of a command names.
 *
 * @throws {UsageError} `cli/unexpected-argument`, with the names there are
 */
export function actionOf<Action>(args: ParsedArgs, actions: Readonly<Record<string, Action>>): Action {
  const name = args.get("ACTION");
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) return action;
  throw new UsageError(
    "cli/unexpected-argument",
    `There is no action ${name}`,
    `it is one of ${Object.keys(actions).join(", ")}`,
  );
}
