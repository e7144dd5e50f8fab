import { compileProgram } from "./_program.ts";
import { search, type Slots } from "./_search.ts";
import { parseRegex } from "./_syntax.ts";
import { RegexError } from "./regex_error.ts";

const MAX_REWRITTEN_LENGTH = 8192;
const MAX_GROUP = 9;

/**
 * Replaces every match of a regular expression, as `GlobalReplace` of RE2 does. Takes time in proportion to the text, and
 * to the pattern at worst.
 *
 * @param substitution `\0` stands for the match, `\1` to `\9` for its groups and `\\` for a backslash
 * @returns a function that throws {@link RangeError} for a text or a result of more than 8192 UTF-16 code units
 * @throws {RegexError} `regex/unsupported`, `regex/too-large`
 *
 * @example
 * ```ts
 * import { compileRewrite } from "./rewrite.ts";
 * const rewrite = compileRewrite("^/users/([0-9]+)", "/u\\1");
 * if (rewrite("/users/7/mail") !== "/u7/mail") throw new Error();
 * ```
 */
export function compileRewrite(pattern: string, substitution: string): (text: string) => string {
  const program = compileProgram(parseRegex(pattern, { ignoreCase: false }), { captures: true });
  const parts = parseSubstitution(substitution);
  return (text) => {
    checkLength(text);
    let result = "";
    let at = 0;
    while (at <= text.length) {
      const match = search(program, text, at);
      if (match === null) break;
      const [start, end] = [match[0]!, match[1]!];
      result += text.slice(at, start) + expand(parts, { text, match });
      checkLength(result);
      // An empty match goes on after the next character.
      if (end === start) result += text.slice(end, end + 1);
      at = end === start ? end + 1 : end;
    }
    return checkLength(result + text.slice(at));
  };
}

function parseSubstitution(substitution: string): readonly (string | number)[] {
  return (substitution.match(/\\(.|$)|[^\\]+/gs) ?? []).map((part) => {
    if (!part.startsWith("\\")) return part;
    const escaped = part.slice(1);
    if (escaped === "\\") return "\\";
    if (/^[0-9]$/.test(escaped) && Number(escaped) <= MAX_GROUP) return Number(escaped);
    throw new RegexError(
      "regex/unsupported",
      "After a backslash stands the number of a group or a backslash",
    );
  });
}

function expand(
  parts: readonly (string | number)[],
  { text, match }: { text: string; match: Slots },
): string {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    const [start = -1, end = -1] = match.slice(2 * part, 2 * part + 2);
    return start < 0 || end < 0 ? "" : text.slice(start, end);
  }).join("");
}

function checkLength(text: string): string {
  if (text.length <= MAX_REWRITTEN_LENGTH) return text;
  throw new RangeError(`Cannot rewrite to or from more than ${MAX_REWRITTEN_LENGTH} characters`);
}
