import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameBytes } from "../../../lib/ssh/tui/frame_bytes.ts";
import { Grid, type Size } from "../../../lib/ssh/tui/grid.ts";
import type { Style } from "../../../lib/ssh/tui/theme.ts";
import { Emulator } from "./_emulator.ts";

const features = { colors: "rich", isUnicode: true } as const;
const STYLES: readonly Style[] = ["text", "faint", "selected", "warn"];

interface Writing {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly style: Style;
  readonly width?: number | undefined;
  readonly align?: "left" | "right";
}

const characters = fc.constantFrom("a", "b", " ", "─", "漢", "😀", "e\u0301", "\x1b", "\u202e");
const writing: fc.Arbitrary<Writing> = fc.record({
  text: fc.string({ unit: characters, maxLength: 12 }),
  x: fc.integer({ min: -3, max: 13 }),
  y: fc.integer({ min: -1, max: 4 }),
  style: fc.constantFrom(...STYLES),
  width: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
  align: fc.constantFrom("left" as const, "right" as const),
});
const size = fc.record({ columns: fc.integer({ min: 1, max: 12 }), rows: fc.integer({ min: 1, max: 4 }) });

function drawn(of: Size, writings: readonly Writing[]): Grid {
  const grid = new Grid(of);
  for (const { text, width, ...rest } of writings) {
    grid.write(text, width === undefined ? rest : { ...rest, width });
  }
  return grid;
}

function shown(grid: Grid): string[] {
  const emulator = new Emulator(grid.columns, grid.rows);
  emulator.write(frameBytes(grid, { from: null, features }));
  return emulator.cells;
}

describe("frameBytes()", () => {
  it("brings a terminal from any picture to any other as if all of it were drawn anew", () => {
    fc.assert(
      fc.property(
        size,
        fc.array(fc.array(writing, { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        (of, frames) => {
          const emulator = new Emulator(of.columns, of.rows);
          let from: Grid | null = null;
          for (const writings of frames) {
            const grid = drawn(of, writings);
            emulator.write(frameBytes(grid, { from, features }));
            expect(emulator.cells).toEqual(shown(grid));
            from = grid;
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("shows every cell as it is in the picture", () => {
    fc.assert(fc.property(size, fc.array(writing, { maxLength: 8 }), (of, writings) => {
      const grid = drawn(of, writings);
      expect(shown(grid).map((cell) => cell.split("\0")[0])).toEqual(grid.texts);
      expect(grid.texts.length).toBe(of.columns * of.rows);
    }));
  });

  it("writes nothing when nothing differs, and otherwise only what differs", () => {
    const before = drawn({ columns: 12, rows: 4 }, [{
      text: "one two",
      x: 0,
      y: 1,
      style: "text",
    }]);
    const after = drawn({ columns: 12, rows: 4 }, [{
      text: "one tWo",
      x: 0,
      y: 1,
      style: "text",
    }]);
    expect(frameBytes(before, { from: before, features })).toBe("");
    expect(frameBytes(after, { from: before, features })).toBe("\x1b[2;6HW");
  });

  it.each(["漢", "☎", "e\u0301", "😀"])("trusts no terminal to be where expected after %s", (character) => {
    const grid = drawn({ columns: 6, rows: 1 }, [{ text: `${character}`, x: 0, y: 0, style: "text" }]);
    const after = grid.write("x", { x: grid.texts[1] === "" ? 2 : 1, y: 0 });
    expect(frameBytes(grid, { from: null, features })).toBe(
      `\x1b[0m\x1b[2J\x1b[1;1H${character}\x1b[1;${after}Hx`,
    );
  });

  it("clears a terminal of another size", () => {
    const bytes = frameBytes(new Grid({ columns: 3, rows: 1 }), {
      from: new Grid({ columns: 2, rows: 1 }),
      features,
    });
    expect(bytes).toBe("\x1b[0m\x1b[2J");
  });

  it("writes ASCII alone where there is nothing else, cell for cell", () => {
    const grid = drawn({ columns: 12, rows: 1 }, [{
      text: "┌─▸漢é…",
      x: 0,
      y: 0,
      style: "text",
    }]);
    const bytes = frameBytes(grid, { from: null, features: { colors: "none", isUnicode: false } });
    const emulator = new Emulator(12, 1);
    emulator.write(bytes);
    expect(emulator.line(0)).toBe("+->???~");
  });

  it.each(["none", "basic"] as const)("with colours %s writes no others", (colors) => {
    const grid = new Grid({ columns: 40, rows: 1 });
    for (const [x, style] of STYLES.entries()) grid.write("x", { x, y: 0, style });
    expect(frameBytes(grid, { from: null, features: { colors, isUnicode: true } })).not.toContain("8;5;");
  });
});
