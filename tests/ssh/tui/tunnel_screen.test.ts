import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { frameBytes } from "../../../lib/ssh/tui/frame_bytes.ts";
import { TunnelPage, TunnelScreen } from "../../../lib/ssh/tui/tunnel_screen.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { Emulator } from "./_emulator.ts";
import { busyModel, connection, LOGIN, namesModel, ScriptedModel, START } from "./_model.ts";
import { click, settled, TestTerminal } from "./_terminal.ts";

/** A page that is open, and its user. */
class Session {
  readonly clock = new ManualClock(START);
  readonly terminal: TestTerminal;
  readonly model: ScriptedModel;
  readonly outcome: Promise<"quit" | "sign-out">;

  constructor(
    { model = busyModel(), ...size }: { model?: ScriptedModel; columns?: number; rows?: number } = {},
  ) {
    this.model = model;
    this.terminal = new TestTerminal(size);
    this.outcome = new TunnelScreen(this.clock).open(this.terminal, { model, login: LOGIN });
  }

  get screen(): Emulator {
    return this.terminal.screen;
  }

  /** Types, and waits for the picture of it. */
  async type(...keys: string[]): Promise<void> {
    for (const one of keys) {
      await this.terminal.type(one);
      this.clock.advance(50);
      await settled();
    }
  }

  click(text: string, button?: "left" | "right"): Promise<void> {
    return this.type(click(this.screen.find(text), button));
  }
}

let open: Session[] = [];
async function session(options?: ConstructorParameters<typeof Session>[0]): Promise<Session> {
  const one = new Session(options);
  open.push(one);
  await settled();
  return one;
}

afterEach(async () => {
  for (const one of open) one.terminal.hangUp();
  await Promise.all(open.map(({ outcome }) => outcome));
  expect(open.map(({ terminal, model, clock }) => terminal.listeners + model.listeners + clock.pending))
    .toEqual(
      open.map(() => 0),
    );
  open = [];
});

const golden = (name: string) => new URL(`golden/${name}.txt`, import.meta.url).pathname;
const DOWN = "\x1b[B";
const UP = "\x1b[A";
const ESCAPE = "\x1b";
const TAB = "\t";
const ENTER = "\r";

describe("the terminal page looks as ever", () => {
  it.each([[80, 24], [200, 50], [40, 10], [120, 30]])("at %ix%i", async (columns, rows) => {
    const { screen } = await session({ columns, rows });
    await expect(screen.text).toMatchFileSnapshot(golden(`screen_${columns}x${rows}`));
  });

  it.each<[string, string[]]>([
    ["row_menu", [TAB, TAB, "j", "j", ENTER]],
    ["edit", [TAB, TAB, "j", "j", ENTER, DOWN, ENTER]],
    ["help", ["m"]],
    ["user_menu", ["\x1b[Z", ENTER]],
    ["user_details", ["\x1b[Z", ENTER, ENTER]],
    ["log_out", ["\x1b[Z", ENTER, DOWN, ENTER]],
    ["logs_alone", ["1", "2", "3"]],
    ["no_panel", ["1", "2", "3", "4"]],
  ])("%s", async (name, keys) => {
    for (const [columns, rows] of [[80, 24], [200, 50]] as const) {
      const one = await session({ columns, rows });
      await one.type(...keys);
      await expect(one.screen.text).toMatchFileSnapshot(golden(`${name}_${columns}x${rows}`));
    }
  });

  it("empty", async () => {
    const { screen } = await session({ model: new ScriptedModel() });
    await expect(screen.text).toMatchFileSnapshot(golden("empty_80x24"));
  });

  it("with names that nobody should have", async () => {
    const { screen } = await session({ model: namesModel() });
    await expect(screen.text).toMatchFileSnapshot(golden("names_80x24"));
  });
});

describe("keys", () => {
  it.each([["q"], ["\x03"]])("%j leaves", async (key) => {
    const one = await session();
    await one.type(key);
    expect(await one.outcome).toBe("quit");
  });

  it("Ctrl-C leaves from within a dialog, q closes it", async () => {
    const one = await session();
    await one.type("m", "q");
    expect(one.screen.text).not.toContain("[ Close ]");
    await one.type("m", "\x03");
    expect(await one.outcome).toBe("quit");
  });

  it("go to the panel with the focus", async () => {
    const one = await session();
    await one.type("j");
    expect(one.screen.styleOf("   1 CLOSED")).toBe("48;5;24;38;5;255");
    await one.type(TAB, "j");
    expect(one.screen.styleOf("(all)")).toBe("48;5;24;38;5;255");
    expect(one.screen.styleOf("   1 CLOSED")).toBe("1");
    await one.type(ESCAPE);
    expect(one.screen.styleOf("(all)")).toBe("");
  });

  it("move through a list as vi and less do", async () => {
    const model = new ScriptedModel();
    model.messages = Array.from({ length: 256 }, (_, index) => ({
      at: START + index,
      level: "info" as const,
      text: `line ${index}.`,
    }));
    const one = await session({ model, columns: 80, rows: 24 });
    await one.type("1", "2", "3");
    const selected = () => Number(/line (\d+)\./.exec(one.screen.line(row()))?.[1]);
    const row = () =>
      Array.from({ length: 24 }, (_, y) => y).find((y) =>
        one.screen.cells[y * 80 + 1]!.endsWith("48;5;24;38;5;255") && y > 0
      )!;
    const seen: number[] = [];
    for (
      const key of [
        "G",
        "k",
        UP,
        "b",
        "\x1b[5~",
        "u",
        "\x15",
        "g",
        "j",
        DOWN,
        "f",
        " ",
        "\x1b[6~",
        "d",
        "\x04",
        "\x1b[F",
        "\x1b[H",
      ]
    ) {
      await one.type(key);
      seen.push(selected());
    }
    expect(seen).toEqual([255, 254, 253, 232, 211, 201, 191, 0, 1, 2, 23, 44, 65, 75, 85, 255, 0]);
  });

  it("Escape selects nothing, and the list follows its end again", async () => {
    const model = busyModel();
    model.connections = Array.from({ length: 40 }, (_, index) => connection(index + 1));
    const one = await session({ model });
    await one.type("g");
    expect(one.screen.text).toContain("1–4 of 40");
    await one.type(ESCAPE);
    expect(one.screen.text).toContain("37–40 of 40");
  });

  it("give the panel with the focus its room where there is little", async () => {
    const one = await session({ columns: 40, rows: 10 });
    expect(one.screen.text).not.toContain("name the route");
    await one.type("\x1b[Z", "\x1b[Z");
    expect(one.screen.text).toContain("name the route");
  });

  const UNEDITED = "-R https-route.example.com:443:localhost:8080";
  it.each<[string, string[], string[]]>([
    ["Enter copies", [ENTER], [UNEDITED]],
    ["text goes to the end", ["\x7f", "9", ENTER], [UNEDITED.replace("8080", "8089")]],
    ["Backspace takes away before the caret", ["\x7f", ENTER], [UNEDITED.slice(0, -1)]],
    ["Delete takes away after it", ["\x1b[H", "\x1b[3~", "\x1b[3~", ENTER], [
      UNEDITED.replace("localhost", "calhost"),
    ]],
    ["arrows move it", ["\x7f", "\x1b[D", "\x1b[D", "\x1b[C", "7", ENTER], [
      UNEDITED.replace("8080", "8078"),
    ]],
    ["Ctrl-U takes all away, and what is no address is not copied", ["\x15", "x", ENTER], []],
    ["Tab goes on to the buttons", [TAB, TAB, ENTER], []],
    ["and back to the text", [TAB, "\x1b[Z", "\x7f", "1", ENTER], [UNEDITED.replace("8080", "8081")]],
    ["Escape leaves", [ESCAPE, ENTER], []],
  ])("in the dialog about a local address: %s", async (_what, keys, copied) => {
    const one = await session();
    await one.type(TAB, TAB, "j", ENTER, DOWN, ENTER, ...keys);
    expect(one.screen.clipboard).toEqual(copied);
  });

  it("Enter leaves an address open that is none", async () => {
    const one = await session();
    await one.type(TAB, TAB, "j", ENTER, DOWN, ENTER, "\x15", "x", ENTER);
    expect(one.screen.text).toContain("This needs a host and a port");
  });

  it("that come at once do the same as one by one", async () => {
    const [one, other] = [await session(), await session()];
    await one.type(TAB + TAB + "jj" + ENTER + DOWN + ENTER + "9");
    await other.type(TAB, TAB, "j", "j", ENTER, DOWN, ENTER, "9");
    expect(one.screen.text).toBe(other.screen.text);
    expect(one.screen.text).toContain("localhost:80799");
  });

  it("Ctrl-L draws all of it anew", async () => {
    const one = await session();
    const before = one.screen.text;
    one.screen.write("\x1b[2J");
    await one.type("\x0c");
    expect(one.screen.text).toBe(before);
  });
});

describe("the mouse", () => {
  it("gives a panel the focus, and selects a row", async () => {
    const one = await session();
    await one.click("3 Port Forward");
    expect(one.screen.styleOf("3 Port Forward")).toBe("1;38;5;37");
    await one.click("build-box            22");
    expect(one.screen.styleOf("build-box            22")).toBe("48;5;24;38;5;255");
  });

  it("opens the menu of a row and copies its URL", async () => {
    const one = await session();
    await one.click("https://grpc-route", "right");
    await one.click("Copy Remote URL");
    expect(one.screen.clipboard).toEqual(["https://grpc-route.example.com"]);
    expect(one.screen.line(23)).toBe(" Remote URL copied");
    one.clock.advance(3000);
    await settled();
    expect(one.screen.line(23)).toContain("q Quit");
  });

  it("copies a message, and the option that moves a service elsewhere", async () => {
    const one = await session();
    await one.click("as ssh seems", "right");
    await one.click("Copy Message");
    await one.click("https://https-route.example.com", "right");
    await one.click("Edit Local Address");
    await one.type("\x15", "127.0.0.1:3000");
    await one.click("[ Copy ]");
    expect(one.screen.clipboard).toEqual([
      busyModel().messages[2]!.text,
      "-R https-route.example.com:443:127.0.0.1:3000",
    ]);
  });

  it("copies the session id, in full also where it is cut", async () => {
    const one = await session({ columns: 40, rows: 10 });
    await one.click("4mJ");
    expect(one.screen.clipboard).toEqual(["4mJXq0vTn2uWcHk7ZrYbLQ"]);
  });

  it("signs out only after a question", async () => {
    const one = await session();
    await one.click("ann@example.com");
    await one.click("Log Out");
    await one.click("[ Cancel ]");
    expect(one.screen.text).not.toContain("Log out?");
    await one.click("ann@example.com");
    await one.click("Log Out");
    await one.click("[ Log Out ]");
    expect(await one.outcome).toBe("sign-out");
  });

  it("closes what lies over the page by a click elsewhere, which does nothing else", async () => {
    const one = await session();
    await one.click("ann@example.com");
    await one.click("(all)");
    expect(one.screen.text).not.toContain("Disconnect");
    expect(one.screen.styleOf("(all)")).toBe("");
  });

  it("scrolls what is under it, whatever has the focus", async () => {
    const model = busyModel();
    model.connections = Array.from({ length: 40 }, (_, index) => connection(index + 1));
    const one = await session({ model });
    expect(one.screen.text).toContain("37–40 of 40");
    const { x, y } = one.screen.find("OPEN");
    await one.type(`\x1b[<64;${x};${y}M`, `\x1b[<64;${x};${y}M`);
    expect(one.screen.text).toContain("31–34 of 40");
    one.model.change({ connections: [...model.connections, connection(41)] });
    one.clock.advance(50);
    await settled();
    expect(one.screen.text).toContain("31–34 of 41");
  });

  it("presses the keys of the last line", async () => {
    const one = await session();
    await one.click("m Help");
    await one.click("[ Close ]");
    await one.click("q Quit");
    expect(await one.outcome).toBe("quit");
  });
});

describe("the model", () => {
  it("shows what changes, and the selection stays on its row", async () => {
    const one = await session();
    await one.type("j", "j");
    one.model.change({ connections: one.model.connections.slice(1) });
    one.clock.advance(50);
    await settled();
    expect(one.screen.styleOf("   2 OPEN")).toBe("48;5;24;38;5;255");
  });

  it("counts the seconds of open connections, and writes nothing else", async () => {
    const one = await session();
    one.screen.written = 0;
    one.clock.advance(1000);
    await settled();
    expect(one.screen.text).toContain("3m 05s");
    expect(one.screen.written).toBeLessThan(10);
    one.model.change({ connections: [] });
    one.clock.advance(1000);
    await settled();
    expect(one.clock.pending).toBe(0);
  });
});

it("the terminal shows the same after any changes as if it had been drawn once", async () => {
  const keys = fc.constantFrom(
    "1",
    "2",
    "3",
    "4",
    "m",
    TAB,
    ENTER,
    ESCAPE,
    "j",
    "k",
    "G",
    "g",
    DOWN,
    UP,
    "\x1b[C",
    "x",
    "\x7f",
  );
  const mouse = fc.record({
    x: fc.integer({ min: 1, max: 90 }),
    y: fc.integer({ min: 1, max: 30 }),
    code: fc.constantFrom(0, 2, 64, 65),
  })
    .map(({ x, y, code }) => `\x1b[<${code};${x};${y}M`);
  const change = fc.integer({ min: 0, max: 30 }).map((count) => (model: ScriptedModel) =>
    model.change({
      connections: Array.from({ length: count }, (_, index) =>
        connection(index, { hostname: "漢字".repeat(index % 9), isOpen: false, closedAt: START })),
      messages: busyModel().messages.slice(0, count % 4),
      routes: busyModel().routes.slice(0, count % 5),
    })
  );
  const resize = fc.record({
    columns: fc.integer({ min: 1, max: 90 }),
    rows: fc.integer({ min: 1, max: 30 }),
  });
  const step = fc.oneof({ weight: 6, arbitrary: keys }, { weight: 3, arbitrary: mouse }, change, resize);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const model = busyModel();
      // Time goes on: what is open would show it.
      model.connections = [];
      const one = await session({ model });
      for (const next of steps) {
        if (typeof next === "string") await one.type(next);
        else if (typeof next === "function") next(one.model);
        else one.terminal.resize(next.columns, next.rows);
        one.clock.advance(50);
        await settled();
      }
      const shown = one.screen.cells;
      await one.type("\x0c");
      expect(one.screen.cells).toEqual(shown);
    }),
    { numRuns: 60 },
  );
}, 60_000);

it("draws the largest terminal", () => {
  const page = new TunnelPage({ model: busyModel(), login: LOGIN, clock: new ManualClock(START) });
  const grid = page.paint({ columns: 512, rows: 512 });
  const emulator = new Emulator(512, 512);
  emulator.write(frameBytes(grid, { from: null, features: { colors: "none", isUnicode: true } }));
  expect(emulator.line(511)).toContain("q Quit");
});
