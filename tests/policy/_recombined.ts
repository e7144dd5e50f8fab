import type { BlockExplanation, CriterionExplanation } from "../../lib/policy/explain.ts";

/**
 * The value of a node by the definition of its operator, from its parts.
 *
 * @param options `instead`: values of criteria by their place, as `place.join("/")`
 */
export function recombined(
  part: BlockExplanation | CriterionExplanation,
  options: { instead?: ReadonlyMap<string, boolean> } = {},
): boolean {
  if (part.kind === "criterion") return options.instead?.get(part.path.join("/")) ?? part.value;
  const values = part.parts.map((inner) => recombined(inner, options));
  switch (part.operator) {
    case "and":
    case "all_of":
      return values.every((value) => value);
    case "or":
    case "any_of":
      return values.some((value) => value);
    case "not":
    case "none_of":
      return values.every((value) => !value);
    case "nor":
      return values.some((value) => !value);
  }
}
