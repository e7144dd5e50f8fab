import { describe, expect, it } from "vitest";
import { Grid } from "../../../lib/ssh/tui/grid.ts";
import type { InputEvent } from "../../../lib/ssh/tui/input_parser.ts";
import { type Page, type PageRequest, showPage } from "../../../lib/ssh/tui/show_page.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { settled, TestTerminal } from "./_terminal.ts";

/** Counts the frames that it is asked for; `q` ends it, `c` copies. */
class CountingPage implements Page {
  isOver = false;
  frames = 0;
  failing = false;

  paint(size: { columns: number; rows: number }): Grid {
    if (this.failing) throw new Error("cannot draw");
    const grid = new Grid(size);
    grid.write(`frame ${++this.frames}`, { x: 0, y: 0, style: "good" });
    return grid;
  }

  handle(event: InputEvent): PageRequest | undefined {
    if (event.type !== "text") return;
    if (event.text === "q") this.isOver = true;
    if (event.text === "c") return { copy: "what was copied: ü" };
    if (event.text === "l") return { copy: "x".repeat(20_000) };
  }

  changesInMs(): null {
    return null;
  }
}

/** A page that is shown, and how it ends. */
async function show(options: ConstructorParameters<typeof TestTerminal>[0] = {}) {
  const terminal = new TestTerminal(options);
  const page = new CountingPage();
  const clock = new ManualClock();
  const changes = new Set<() => void>();
  const end = new AbortController();
  const shown = showPage(terminal, {
    page,
    clock,
    onChange: (listener) => {
      changes.add(listener);
      return { [Symbol.dispose]: () => void changes.delete(listener) };
    },
    signal: end.signal,
  });
  await settled();
  return {
    terminal,
    page,
    clock,
    changes,
    end,
    shown,
    change: () => changes.forEach((listener) => listener()),
  };
}

/** Modes of a terminal that nobody draws on. */
const CLEAN = [7, 25];
const modesOf = ({ screen }: TestTerminal) => [...screen.modes].sort((a, b) => a - b);

describe("showPage()", () => {
  it("takes the terminal, and gives it back as it was", async () => {
    const { terminal, shown } = await show();
    expect(modesOf(terminal)).toEqual([1000, 1006, 1049]);
    await terminal.type("q");
    await shown;
    expect(modesOf(terminal)).toEqual(CLEAN);
    expect(terminal.writes.at(-1)?.endsWith("\x1b[?1049l")).toBe(true);
    expect(terminal.screen.text.trim()).toBe("");
  });

  it.each([
    ["the connection is dropped", ({ terminal }: Awaited<ReturnType<typeof show>>) => terminal.hangUp()],
    ["the gateway ends it", ({ end }: Awaited<ReturnType<typeof show>>) => end.abort()],
  ])("leaves the terminal clean when %s, and holds on to nothing", async (_when, happen) => {
    const one = await show();
    happen(one);
    await one.shown;
    expect(modesOf(one.terminal)).toEqual(CLEAN);
    expect([one.terminal.listeners, one.changes.size, one.clock.pending]).toEqual([0, 0, 0]);
  });

  it("leaves the terminal clean when the page throws, and rejects", async () => {
    const one = await show();
    one.page.failing = true;
    one.clock.advance(1000);
    one.change();
    await expect(one.shown).rejects.toThrow("cannot draw");
    expect(modesOf(one.terminal)).toEqual(CLEAN);
  });

  it("ends when the terminal takes nothing any more", async () => {
    const one = await show();
    one.terminal.blocked = Promise.withResolvers();
    one.clock.advance(1000);
    one.change();
    one.terminal.blocked.reject(new Error("reset"));
    await one.shown;
    expect(one.clock.pending).toBe(0);
  });

  it("leaves only after what it has begun to write", async () => {
    const one = await show();
    one.terminal.blocked = Promise.withResolvers();
    one.clock.advance(1000);
    one.change();
    const written = one.terminal.writes.length;
    one.end.abort();
    await settled();
    expect(one.terminal.writes.length).toBe(written);
    one.terminal.blocked.resolve();
    one.terminal.blocked = null;
    await one.shown;
    expect(modesOf(one.terminal)).toEqual(CLEAN);
  });

  it("waits no longer than a second for somebody who does not read", async () => {
    const one = await show();
    one.terminal.blocked = Promise.withResolvers();
    one.clock.advance(1000);
    one.change();
    one.end.abort();
    await settled();
    one.clock.advance(999);
    const early = await Promise.race([one.shown.then(() => "left"), settled().then(() => "waits")]);
    one.clock.advance(1);
    await one.shown;
    expect(early).toBe("waits");
  });

  it("draws at most 30 frames a second, the last of them always", async () => {
    const { page, clock, change, terminal, end, shown } = await show();
    for (let ms = 0; ms < 1000; ms++) {
      change();
      clock.advance(1);
      await Promise.resolve();
    }
    await settled();
    clock.advance(100);
    await settled();
    expect(page.frames).toBeGreaterThan(20);
    expect(page.frames).toBeLessThanOrEqual(32);
    expect(terminal.screen.line(0)).toBe(`frame ${page.frames}`);
    end.abort();
    await shown;
  });

  it("draws no frame while the client has not taken the one before", async () => {
    const { page, clock, change, terminal, end, shown } = await show();
    terminal.blocked = Promise.withResolvers();
    for (let frame = 0; frame < 20; frame++) {
      change();
      clock.advance(100);
      await settled();
    }
    expect(page.frames).toBe(2);
    terminal.blocked.resolve();
    terminal.blocked = null;
    await settled();
    expect(page.frames).toBe(3);
    end.abort();
    await shown;
  });

  it("puts text on the clipboard, but not more than terminals take", async () => {
    const { terminal, clock } = await show();
    await terminal.type("c");
    clock.advance(50);
    await terminal.type("l");
    clock.advance(50);
    await terminal.type("q");
    expect(terminal.screen.clipboard).toEqual(["what was copied: ü"]);
  });

  it("writes no colour where the user wants none", async () => {
    const { terminal } = await show({ env: { NO_COLOR: "1" } });
    await terminal.type("q");
    // deno-lint-ignore no-control-regex
    expect(terminal.writes.join("")).not.toMatch(/\x1b\[[\d;]*[34]\d/);
  });

  it("reads nothing after the input that ended the page", async () => {
    const { terminal, shown } = await show();
    await terminal.type("q");
    await shown;
    const into = new Uint8Array(8);
    const rest = terminal.stream.read(into);
    await terminal.type("after");
    expect(await rest).toBe(5);
  });
});
