import { afterEach, describe, expect, it } from "vitest";
import { requirePeer } from "../../_support/peers.ts";
import { TAKEN, Tmux, UNTOUCHED } from "./_tmux.ts";

const isThere = requirePeer("tmux");

const golden = (name: string) => Deno.readTextFile(new URL(`golden/${name}.txt`, import.meta.url));
const DEMO = new URL("_demo.ts", import.meta.url).pathname;

let terminals: Tmux[] = [];
async function tmux({ page = "screen", ...options }: {
  columns: number;
  rows: number;
  page?: "screen" | "names" | "picker";
  env?: Record<string, string>;
}): Promise<Tmux> {
  const terminal = new Tmux();
  terminals.push(terminal);
  const command = `${Deno.execPath()} run -A --no-check ${DEMO} ${page}`;
  await terminal.start({ ...options, command });
  return terminal;
}

afterEach(async () => {
  for (const terminal of terminals) await terminal[Symbol.asyncDispose]();
  terminals = [];
});

describe.skipIf(!isThere)("in tmux, the terminal page", () => {
  it.each([[80, 24], [200, 50]])(
    "looks as its picture at %ix%i, and answers to keys and mouse",
    async (columns, rows) => {
      const at = `${columns}x${rows}`;
      const terminal = await tmux({ columns, rows });
      await terminal.waitFor(await golden(`screen_${at}`));
      expect(await terminal.modes()).toBe(TAKEN);

      await terminal.keys("Tab", "Tab", "j", "j", "Enter");
      await terminal.waitFor(await golden(`row_menu_${at}`));
      await terminal.click("Edit Local Address");
      await terminal.waitFor(await golden(`edit_${at}`));
      await terminal.click("[ Copy ]");
      await terminal.waitFor(/Option copied/);
      expect(await terminal.buffer()).toBe("-R grpc-route.example.com:443:localhost:8079");

      await terminal.keys("m");
      await terminal.waitFor(/show or hide a panel/);
      await terminal.keys("Escape");
      await terminal.click("ann@example.com");
      await terminal.waitFor(/Disconnect/);
      await terminal.click("Disconnect");
      await terminal.waitFor(/^before\nanswer: quit\n icanon\n+$/);
      expect(await terminal.modes()).toBe(UNTOUCHED);
    },
    60_000,
  );

  it("follows the size of the terminal", async () => {
    const terminal = await tmux({ columns: 80, rows: 24 });
    await terminal.waitFor(await golden("screen_80x24"));
    for (const [columns, rows] of [[200, 50], [40, 10], [120, 30], [80, 24]] as const) {
      await terminal.resize(columns, rows);
      await terminal.waitFor(await golden(`screen_${columns}x${rows}`));
    }
  }, 60_000);

  it("keeps its columns whatever names it shows", async () => {
    const terminal = await tmux({ columns: 80, rows: 24, page: "names" });
    await terminal.waitFor(await golden("names_80x24"));
  }, 30_000);

  it.each<[string, (terminal: Tmux) => Promise<void>]>([
    ["q", (terminal) => terminal.keys("q")],
    ["Ctrl-C", (terminal) => terminal.keys("C-c")],
    ["the gateway ending it", (terminal) => terminal.signal("SIGTERM")],
  ])("leaves the terminal clean after %s", async (_what, end) => {
    const terminal = await tmux({ columns: 80, rows: 24 });
    await terminal.waitFor(await golden("screen_80x24"));
    await end(terminal);
    await terminal.waitFor(/^before\nanswer: quit\n icanon\n+$/);
    expect(await terminal.modes()).toBe(UNTOUCHED);
  }, 30_000);

  it("shows a connection that comes", async () => {
    const terminal = await tmux({ columns: 80, rows: 24 });
    await terminal.waitFor(await golden("screen_80x24"));
    await terminal.signal("SIGUSR1");
    await terminal.waitFor(/ {3}5 OPEN .*\/new /);
  }, 30_000);

  it("has colours, but none with NO_COLOR", async () => {
    const terminal = await tmux({ columns: 80, rows: 24 });
    const plain = await tmux({ columns: 80, rows: 24, env: { NO_COLOR: "1" } });
    for (const one of [terminal, plain]) await one.waitFor(await golden("screen_80x24"));
    // deno-lint-ignore no-control-regex
    const color = /\x1b\[(?:[\d;]*;)?[349][0-8][;m]/;
    expect(await terminal.screen("-e")).toMatch(color);
    expect(await plain.screen("-e")).not.toMatch(color);
  }, 30_000);
});

describe.skipIf(!isThere)("in tmux, the route picker", () => {
  it("looks as its picture, filters, and picks by a click", async () => {
    const terminal = await tmux({ columns: 80, rows: 24, page: "picker" });
    await terminal.waitFor(await golden("picker_80x24"));
    await terminal.keys("e", "-", "2", "Down");
    await terminal.waitFor(await golden("picker_filtered_80x24"));
    await terminal.click("ann@node-27");
    await terminal.waitFor(/▸ ann@node-27/);
    await terminal.click("ann@node-27");
    await terminal.waitFor(/^before\nanswer: ann@node-27\n icanon\n+$/);
    expect(await terminal.modes()).toBe(UNTOUCHED);
  }, 30_000);
});
