import { expect, it } from "vitest";
import { Grid } from "../../../lib/ssh/tui/grid.ts";

function grid(...writings: [text: string, x: number, width?: number, align?: "left" | "right"][]): Grid {
  const made = new Grid({ columns: 6, rows: 1 });
  for (const [text, x, width, align = "left"] of writings) {
    made.write(text, width === undefined ? { x, y: 0, align } : { x, y: 0, align, width });
  }
  return made;
}

it.each<[string, Parameters<typeof grid>, string[]]>([
  ["a wide character takes two cells", [["漢a", 0]], ["漢", "", "a", " ", " ", " "]],
  ["the left half written over leaves a blank", [["漢漢", 0], ["x", 0]], ["x", " ", "漢", "", " ", " "]],
  ["the right half written over leaves a blank", [["漢漢", 0], ["x", 1]], [" ", "x", "漢", "", " ", " "]],
  ["both halves of two, written over by one", [["漢漢", 0], ["字", 1]], [" ", "字", "", " ", " ", " "]],
  ["a wide character that does not fit is cut as well", [["漢", 5]], [" ", " ", " ", " ", " ", "…"]],
  ["a text is padded to its width", [["xxxxxx", 0], ["ab", 1, 4]], ["x", "a", "b", " ", " ", "x"]],
  ["at the right of its width", [["xxxxxx", 0], ["ab", 1, 4, "right"]], ["x", " ", " ", "a", "b", "x"]],
  ["a longer text is cut", [["abcdef", 1, 3]], [" ", "a", "b", "…", " ", " "]],
  ["half a wide character is not shown", [["漢漢", 0, 3]], ["漢", "", "…", " ", " ", " "]],
])("%s", (_what, writings, texts) => expect(grid(...writings).texts).toEqual(texts));

it("write() answers with the column after the text", () => {
  const made = new Grid({ columns: 6, rows: 1 });
  expect(made.write("漢a", { x: 1, y: 0 })).toBe(4);
  expect(made.write("a", { x: 1, y: 0, width: 4 })).toBe(5);
});
