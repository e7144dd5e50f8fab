import type { Terminal } from "../handlers.ts";
import type { ColorDepth } from "./theme.ts";

/** What a terminal can show. */
export interface TerminalFeatures {
  /** By `NO_COLOR`, `COLORTERM` and `TERM`. */
  readonly colors: ColorDepth;
  /** Whether it shows more than ASCII, by `LC_ALL`, `LC_CTYPE` and `LANG`; yes when they say nothing. */
  readonly isUnicode: boolean;
  /** Whether anything but line after line can be drawn, by `TERM`. */
  readonly isAddressable: boolean;
}

const MONOCHROME = /^(?:$|dumb|unknown|vt\d|.*-(?:m|mono)$)/;
const RICH = /256color|direct|truecolor|kitty|alacritty|ghostty|wezterm|foot|contour|iterm/;

/** What this terminal can show, as far as its client has told. */
export function terminalFeatures({ term, env }: Pick<Terminal, "term" | "env">): TerminalFeatures {
  return {
    colors: colorsOf(term.toLowerCase(), env),
    isUnicode: isUnicode(env),
    isAddressable: !/^(?:dumb|unknown)?$/.test(term),
  };
}

function colorsOf(term: string, env: Terminal["env"]): ColorDepth {
  if ((env["NO_COLOR"] ?? "") !== "" || MONOCHROME.test(term)) return "none";
  return RICH.test(term) || /^(?:truecolor|24bit)$/i.test(env["COLORTERM"] ?? "") ? "rich" : "basic";
}

/** The first that is set counts (POSIX.1-2024 base definitions section 8.2). */
function isUnicode(env: Terminal["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "UTF-8";
  return /utf-?8/i.test(locale);
}
