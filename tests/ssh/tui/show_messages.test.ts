import { describe, expect, it } from "vitest";
import { TunnelScreen } from "../../../lib/ssh/tui/tunnel_screen.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { LOGIN, ScriptedModel, START } from "./_model.ts";
import { settled, TestTerminal } from "./_terminal.ts";

const message = (text: string) => ({ at: START, level: "info" as const, text });

async function open() {
  const terminal = new TestTerminal({ term: "dumb" });
  terminal.screen.write = () => {};
  const model = new ScriptedModel();
  model.messages = [message("one"), message("two \x1b[2J")];
  const end = new AbortController();
  const outcome = new TunnelScreen(new ManualClock(START)).open(terminal, {
    model,
    login: LOGIN,
    signal: end.signal,
  });
  await settled();
  return { terminal, model, end, outcome };
}

describe("on a terminal that cannot be drawn on, the page", () => {
  it("shows messages as they come, each once, and nothing that steers the terminal", async () => {
    const { terminal, model, outcome } = await open();
    model.change({ messages: [...model.messages, message("three")] });
    await settled();
    model.change({ requests: [] });
    await settled();
    // The oldest have gone.
    model.change({ messages: [...model.messages.slice(2), message("four"), message("five")] });
    await settled();
    expect(terminal.writes.join("")).toBe(
      ["one", "two �[2J", "three", "four", "five"].map((text) => `12:00:00 info ${text}\r\n`).join(""),
    );
    await terminal.type("q");
    expect(await outcome).toBe("quit");
  });

  it.each<[string, (opened: Awaited<ReturnType<typeof open>>) => unknown]>([
    ["q", ({ terminal }) => terminal.type("xq")],
    ["Ctrl-C", ({ terminal }) => terminal.type("\x03")],
    ["a client that is gone", ({ terminal }) => terminal.hangUp()],
    ["the gateway", ({ end }) => end.abort()],
  ])("is ended by %s", async (_what, leave) => {
    const opened = await open();
    leave(opened);
    expect(await opened.outcome).toBe("quit");
    expect(opened.model.listeners).toBe(0);
  });
});
