import { describe, expect, it } from "vitest";
import { pickRoute } from "../../../lib/ssh/tui/picker.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { click, settled, TestTerminal } from "./_terminal.ts";

const ROUTES = [
  "ann@build-box",
  "ann@db",
  "ann@router",
  ...Array.from({ length: 40 }, (_, index) => `ann@node-${index + 1}`),
];

async function pick(...keys: (string | { readonly click: string })[]) {
  const terminal = new TestTerminal({ columns: 80, rows: 24 });
  const clock = new ManualClock();
  const picked = pickRoute(terminal, { routes: ROUTES, title: "Which server?", clock });
  await settled();
  for (const key of keys) {
    await terminal.type(typeof key === "string" ? key : click(terminal.screen.find(key.click)));
    clock.advance(50);
    await settled();
  }
  return { terminal, picked };
}

const golden = (name: string) => new URL(`golden/${name}.txt`, import.meta.url).pathname;
const DOWN = "\x1b[B";
const UP = "\x1b[A";
const ENTER = "\r";

describe("pickRoute()", () => {
  it.each<[string, Parameters<typeof pick>, string | null]>([
    ["the first by Enter", [ENTER], "ann@build-box"],
    ["by arrow keys", [DOWN, DOWN, UP, ENTER], "ann@db"],
    ["by arrow keys that come at once", [DOWN + DOWN + ENTER], "ann@router"],
    ["the last", ["\x1b[F", ENTER], "ann@node-40"],
    ["a page below", ["\x1b[6~", ENTER], "ann@node-18"],
    ["by a part of its name", ["ODE-17", ENTER], "ann@node-17"],
    ["one whose name has a q, by typing", ["x", "q", "\x7f", "\x7f", "rou", ENTER], "ann@router"],
    ["all of them again after Escape", ["db", "\x1b", ENTER], "ann@build-box"],
    ["by two clicks", [{ click: "ann@router" }, { click: "ann@router" }], "ann@router"],
    ["by a click and Enter", [{ click: "ann@node-3" }, ENTER], "ann@node-3"],
    ["none by q", ["q"], null],
    ["none by Ctrl-C", ["db", "\x03"], null],
    ["none when nothing is found, until it is", ["zzz", ENTER, "\x15", "db", ENTER], "ann@db"],
  ])("picks %s", async (_what, keys, expected) => {
    const { terminal, picked } = await pick(...keys);
    expect(await picked).toBe(expected);
    expect([...terminal.screen.modes]).toEqual([7, 25].filter((mode) => terminal.screen.modes.has(mode)));
    expect(terminal.screen.modes.size).toBe(2);
  });

  it("picks none when the client is gone", async () => {
    const { terminal, picked } = await pick();
    terminal.hangUp();
    expect(await picked).toBe(null);
  });

  it("shows a terminal that cannot be drawn on the list", async () => {
    const terminal = new TestTerminal({ term: "dumb" });
    terminal.screen.write = () => {};
    const options = { routes: ["ann@db", "ann@box"], title: "Which server?", clock: new ManualClock() };
    expect(await pickRoute(terminal, options)).toBe(null);
    expect(terminal.writes).toEqual(["Which server?\r\n  ann@db\r\n  ann@box\r\n"]);
  });

  it.each<[string, string[]]>([["picker", []], ["picker_filtered", ["e", "-", "2", DOWN]], [
    "picker_nothing",
    ["zzz"],
  ]])(
    "looks as ever: %s",
    async (name, keys) => {
      const { terminal, picked } = await pick(...keys);
      await expect(terminal.screen.text).toMatchFileSnapshot(golden(`${name}_80x24`));
      terminal.hangUp();
      await picked;
    },
  );
});
