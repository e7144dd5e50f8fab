import type {
  BlockExplanation,
  CriterionExplanation,
  Explanation,
  HalfExplanation,
  Json,
} from "./explain.ts";

/** Characters that a terminal would obey, or show nothing for. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * An explanation as text for a terminal, a line for each rule and criterion, without colours. `✓` marks what is true and
 * `✗` what is false, also in a `deny`, where it is what is true that keeps the caller out.
 */
export function formatExplanation({ verdict, allow, deny }: Explanation): string {
  return [verdict, ...linesOfHalf("allow", allow), ...linesOfHalf("deny", deny)].join("\n") + "\n";
}

function linesOfHalf(action: "allow" | "deny", { value, reasons, blocks }: HalfExplanation): string[] {
  const why = reasons.length === 0 ? "no rule" : reasons.join(", ");
  return [`${mark(value)} ${action} is ${value}: ${why}`, ...blocks.flatMap((block) => linesOf(block, "  "))];
}

function linesOf(part: BlockExplanation | CriterionExplanation, indent: string): string[] {
  if (part.kind === "criterion") return [`${indent}${lineOf(part)}`];
  const place = part.isShorthand ? "settings beside policy" : placeText(part.path);
  return [
    `${indent}${mark(part.value)} ${part.operator} (${place})`,
    ...part.parts.flatMap((inner) => linesOf(inner, `${indent}  `)),
  ];
}

function lineOf({ name, subpath, expected, found, value, reason, ...place }: CriterionExplanation): string {
  const setting = place.relativeTo === "route" ? `${placeText(place.path)}: ` : "";
  const key = subpath === null ? name : `${name}/${printable(subpath)}`;
  const wanted = expected === null ? "" : ` ${jsonText(expected)}`;
  const had = name === "accept" || name === "reject" ? "" : `, found ${jsonText(found)}`;
  return `${mark(value)} ${setting}${key}${wanted}${had}: ${reason}`;
}

function mark(value: boolean): string {
  return value ? "✓" : "✗";
}

function placeText(path: readonly (string | number)[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${printable(step)}`)
    .join("").replace(/^\./, "");
}

function jsonText(value: Json): string {
  return value === null ? "nothing" : printable(JSON.stringify(value));
}

function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
