/** What a cell is, not how it looks. */
export type Style =
  | "text"
  | "faint"
  | "strong"
  | "rule"
  | "rule-focus"
  | "title-focus"
  | "good"
  | "warn"
  | "bad"
  | "selected"
  | "bar"
  | "bar-strong"
  | "bar-focus"
  | "input"
  | "caret"
  | "button-focus";

/** How many colours there are: none, the 16 that the user has chosen, or 256. */
export type ColorDepth = "none" | "basic" | "rich";

/** Parameters of SGR (ECMA-48 section 8.3.117) for each depth. All of them read on a dark and on a light ground. */
const LOOKS: Readonly<Record<Style, Readonly<Record<ColorDepth, string>>>> = {
  text: { none: "", basic: "", rich: "" },
  faint: { none: "", basic: "2", rich: "38;5;244" },
  strong: { none: "1", basic: "1", rich: "1" },
  rule: { none: "", basic: "2", rich: "38;5;242" },
  "rule-focus": { none: "", basic: "36", rich: "38;5;37" },
  "title-focus": { none: "1", basic: "1;36", rich: "1;38;5;37" },
  good: { none: "", basic: "32", rich: "38;5;35" },
  warn: { none: "1", basic: "33", rich: "38;5;172" },
  bad: { none: "1", basic: "31", rich: "38;5;167" },
  selected: { none: "7", basic: "7", rich: "48;5;24;38;5;255" },
  bar: { none: "7", basic: "7", rich: "48;5;236;38;5;252" },
  "bar-strong": { none: "7;1", basic: "7;1", rich: "1;48;5;236;38;5;255" },
  "bar-focus": { none: "", basic: "", rich: "48;5;24;38;5;255" },
  input: { none: "4", basic: "4", rich: "48;5;236;38;5;252" },
  caret: { none: "7", basic: "7", rich: "7" },
  "button-focus": { none: "7", basic: "7", rich: "48;5;24;38;5;255" },
};

/** The escape sequence that begins a style, whatever was before. */
export function styleSequence(style: Style, depth: ColorDepth): string {
  const look = LOOKS[style][depth];
  return look === "" ? "\x1b[0m" : `\x1b[0;${look}m`;
}
