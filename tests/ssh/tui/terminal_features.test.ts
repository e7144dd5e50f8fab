import { expect, it } from "vitest";
import { terminalFeatures } from "../../../lib/ssh/tui/terminal_features.ts";

it.each([
  ["xterm-256color", {}, "rich"],
  ["XTERM-256COLOR", {}, "rich"],
  ["xterm-kitty", {}, "rich"],
  ["xterm", {}, "basic"],
  ["linux", {}, "basic"],
  ["xterm", { COLORTERM: "truecolor" }, "rich"],
  ["xterm", { COLORTERM: "gnome-terminal" }, "basic"],
  ["xterm-256color", { NO_COLOR: "1" }, "none"],
  ["xterm-256color", { NO_COLOR: "" }, "rich"],
  ["vt100", {}, "none"],
  ["xterm-mono", {}, "none"],
  ["dumb", {}, "none"],
  ["", {}, "none"],
])("a terminal %j with %j has %s colours", (term, env, colors) => {
  expect(terminalFeatures({ term, env }).colors).toBe(colors);
});

it.each([
  [{}, true],
  [{ LANG: "de_DE.UTF-8" }, true],
  [{ LANG: "C.utf8" }, true],
  [{ LANG: "C" }, false],
  [{ LANG: "de_DE.UTF-8", LC_ALL: "C" }, false],
  [{ LANG: "C", LC_CTYPE: "C.UTF-8", LC_ALL: "" }, true],
])("with %j it shows more than ASCII: %s", (env, isUnicode) => {
  expect(terminalFeatures({ term: "xterm", env }).isUnicode).toBe(isUnicode);
});

it.each([["xterm", true], ["vt100", true], ["dumb", false], ["unknown", false], ["", false]])(
  "a terminal %j can be drawn on: %s",
  (term, isAddressable) => expect(terminalFeatures({ term, env: {} }).isAddressable).toBe(isAddressable),
);
