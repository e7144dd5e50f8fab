import {
  type CharSet,
  complementOf,
  DIGITS,
  DOT,
  rangesOf,
  SPACE,
  unionOf,
  withBothCases,
  WORD,
} from "./_char_set.ts";
import { MAX_PATTERN_DEPTH, MAX_PATTERN_REPEAT } from "./_limits.ts";
import { RegexError, type RegexErrorCode } from "./regex_error.ts";

/** What a regular expression is made of. */
export type RegexNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "concat" | "either"; readonly parts: readonly RegexNode[] }
  /** `max`: `null` is without end. */
  | {
    readonly kind: "repeat";
    readonly part: RegexNode;
    readonly min: number;
    readonly max: number | null;
    /** Prefers few; for whether the whole text matches it makes no difference. */
    readonly isLazy: boolean;
  }
  /** `group`: its number, from 1. */
  | { readonly kind: "capture"; readonly part: RegexNode; readonly group: number }
  /** The start and the end of the whole text. */
  | { readonly kind: "start" | "end" };

const CLASSES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: complementOf(DIGITS),
  w: WORD,
  W: complementOf(WORD),
  s: SPACE,
  S: complementOf(SPACE),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b };
/** What may follow `(?`, longest first, and what it would be. */
const UNSUPPORTED_GROUPS: readonly (readonly [string, string])[] = [
  ["<=", "lookbehind"],
  ["<!", "lookbehind"],
  ["=", "lookahead"],
  ["!", "lookahead"],
  [">", "an atomic group"],
  ["#", "a comment"],
];
const REPEAT = /^\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/;

/**
 * Reads a regular expression of the subset of RE2 that docs/policy.md describes.
 *
 * @param options `ignoreCase`: letters of ASCII stand for both cases
 * @throws {RegexError} `regex/unsupported`, which names what is not supported; `regex/too-large`
 */
export function parseRegex(
  pattern: string,
  options: { ignoreCase: boolean },
): RegexNode {
  return new PatternReader(pattern, options).read();
}

class PatternReader {
  readonly #pattern: string;
  readonly #ignoreCase: boolean;
  #at = 0;
  #depth = 0;
  #groups = 0;

  constructor(pattern: string, options: { ignoreCase: boolean }) {
    this.#pattern = pattern;
    this.#ignoreCase = options.ignoreCase;
  }

  read(): RegexNode {
    const node = this.#readEither();
    if (this.#at < this.#pattern.length) throw this.#fault("a ) without (");
    return node;
  }

  #readEither(): RegexNode {
    const parts = [this.#readConcat()];
    while (this.#take("|")) parts.push(this.#readConcat());
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  #readConcat(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.#at < this.#pattern.length && !this.#sees("|") && !this.#sees(")")) {
      parts.push(this.#readRepeats(this.#readAtom()));
    }
    return { kind: "concat", parts };
  }

  #readRepeats(part: RegexNode): RegexNode {
    const bounds = this.#readBounds();
    if (bounds === null) return part;
    if (part.kind === "start" || part.kind === "end") throw this.#fault("a repetition of ^ or $");
    const isLazy = this.#take("?");
    if (this.#sees("+")) throw this.#fault("a possessive repetition");
    if (this.#readBounds() !== null) throw this.#fault("a repetition of a repetition");
    return { kind: "repeat", part, isLazy, ...bounds };
  }

  #readBounds(): { min: number; max: number | null } | null {
    if (this.#take("*")) return { min: 0, max: null };
    if (this.#take("+")) return { min: 1, max: null };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (!this.#sees("{")) return null;
    const match = REPEAT.exec(this.#pattern.slice(this.#at, this.#at + 14));
    if (match === null) throw this.#fault("a { that begins no repetition; write \\{");
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? null : Number(match[3]);
    if (max !== null && max < min) throw this.#fault("a repetition whose bounds are the wrong way round");
    if (Math.max(min, max ?? 0) > MAX_PATTERN_REPEAT) {
      throw this.#fault(`more than ${MAX_PATTERN_REPEAT} repetitions`, "regex/too-large");
    }
    this.#at += match[0].length;
    return { min, max };
  }

  #readAtom(): RegexNode {
    if (this.#take("(")) return this.#readGroup();
    if (this.#take("[")) return this.#setNode(this.#readClass());
    if (this.#take(".")) return { kind: "set", set: DOT };
    if (this.#take("^")) return { kind: "start" };
    if (this.#take("$")) return { kind: "end" };
    if (this.#take("\\")) return this.#readEscape();
    if (/[*+?{]/.test(this.#pattern[this.#at]!)) throw this.#fault("a repetition of nothing");
    return this.#setNode(single(this.#next()));
  }

  #readGroup(): RegexNode {
    const captures = !this.#take("?") || this.#readGroupKind();
    const group = captures ? ++this.#groups : 0;
    if (++this.#depth > MAX_PATTERN_DEPTH) {
      throw this.#fault(`more than ${MAX_PATTERN_DEPTH} groups within each other`, "regex/too-large");
    }
    const node = this.#readEither();
    this.#depth--;
    if (!this.#take(")")) throw this.#fault("a ( without )");
    return captures ? { kind: "capture", part: node, group } : node;
  }

  /** Reads what stands after `(?`. @returns whether the group has a number */
  #readGroupKind(): boolean {
    if (this.#take(":")) return false;
    for (const [mark, name] of UNSUPPORTED_GROUPS) {
      if (this.#sees(mark)) throw this.#fault(`${name}, (?${mark}`);
    }
    const name = /^P?<\w{1,64}>/.exec(this.#pattern.slice(this.#at, this.#at + 67));
    if (name === null) throw this.#fault("flags within the pattern, (?");
    this.#at += name[0].length;
    return true;
  }

  #readEscape(): RegexNode {
    if (this.#take("A")) return { kind: "start" };
    if (this.#take("z")) return { kind: "end" };
    return this.#setNode(this.#readEscapedSet());
  }

  /** What follows a backslash, in a class and outside. */
  #readEscapedSet(): CharSet {
    if (this.#at >= this.#pattern.length) throw this.#fault("a backslash at the end");
    const char = String.fromCodePoint(this.#next());
    if (Object.hasOwn(CLASSES, char)) return CLASSES[char]!;
    if (Object.hasOwn(CONTROLS, char)) return single(CONTROLS[char]!);
    if (char === "x") return single(this.#readHex());
    if (/[1-9k]/.test(char)) throw this.#fault(`a back reference, \\${char}`);
    if (char === "b" || char === "B") throw this.#fault(`a word boundary, \\${char}`);
    if (char === "p" || char === "P") throw this.#fault(`a Unicode class, \\${char}`);
    if (/[A-Za-z0-9]/.test(char)) throw this.#fault(`\\${char}`);
    return single(char.codePointAt(0)!);
  }

  #readHex(): number {
    const match = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(
      this.#pattern.slice(this.#at, this.#at + 8),
    );
    const code = parseInt(match?.[1] ?? match?.[2] ?? "", 16);
    if (match === null || code > 0x10ffff) throw this.#fault("\\x without the number of a character");
    this.#at += match[0].length;
    return code;
  }

  #readClass(): CharSet {
    const isNegated = this.#take("^");
    if (this.#sees("]")) throw this.#fault("an empty class; write \\] for a ]");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      if (this.#at >= this.#pattern.length) throw this.#fault("a [ without ]");
      if (this.#sees("[:")) throw this.#fault("a POSIX class, [:");
      ranges.push(...this.#readClassItem());
    }
    const set = unionOf(ranges);
    const cased = this.#ignoreCase ? withBothCases(set) : set;
    return isNegated ? complementOf(cased) : cased;
  }

  #readClassItem(): (readonly [number, number])[] {
    const first = this.#readClassEnd();
    if (!this.#sees("-") || this.#sees("-]")) return rangesOf(first);
    this.#take("-");
    if (this.#at >= this.#pattern.length) throw this.#fault("a [ without ]");
    const last = this.#readClassEnd();
    if (!isSingle(first) || !isSingle(last)) throw this.#fault("a range from or to a class");
    if (last[0]! < first[0]!) throw this.#fault("a range whose ends are the wrong way round");
    return [[first[0]!, last[0]!]];
  }

  #readClassEnd(): CharSet {
    return this.#take("\\") ? this.#readEscapedSet() : single(this.#next());
  }

  #setNode(set: CharSet): RegexNode {
    return { kind: "set", set: this.#ignoreCase && isSingle(set) ? withBothCases(set) : set };
  }

  #next(): number {
    const code = this.#pattern.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #sees(text: string): boolean {
    return this.#pattern.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #fault(found: string, code: RegexErrorCode = "regex/unsupported"): RegexError {
    return new RegexError(code, `A pattern cannot have ${found} (character ${this.#at + 1})`);
  }
}

function single(code: number): CharSet {
  return [code, code];
}

function isSingle(set: CharSet): boolean {
  return set.length === 2 && set[0] === set[1];
}
