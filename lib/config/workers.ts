import { count } from "./_global_types.ts";
import { bad, good, type ValueType } from "./value_type.ts";

/** More processes than this do not share a port. */
export const MAX_WORKERS = 64;

/** How many processes serve: 1 to 64, or one for each processor. */
export const workerCount: ValueType<number | "auto"> = {
  label: "number or auto",
  unit: null,
  schema: { anyOf: [{ type: "integer", minimum: 1, maximum: MAX_WORKERS }, { const: "auto" }] },
  parse(value) {
    if (value === "auto") return good(value);
    const parsed = count.parse(value);
    if (!parsed.ok || (parsed.value >= 1 && parsed.value <= MAX_WORKERS)) return parsed;
    return bad({
      code: "config/bad-value",
      message: `must be 1 to ${MAX_WORKERS}: found ${parsed.value}`,
      hint: "auto is one for each processor",
    });
  },
};
