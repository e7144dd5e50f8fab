import { describe, expect, it } from "vitest";
import { type ListState, scroll, select, selectedIndex, topRow } from "../../../lib/ssh/tui/list_state.ts";

const keys = (count: number, first = 0) =>
  Array.from({ length: count }, (_, index) => `row ${first + index}`);
const at = (index: number, top: ListState["top"] = 0): ListState => ({
  selected: { key: `row ${index}`, index },
  top,
});
const nothing = (top: ListState["top"]): ListState => ({ selected: null, top });

it.each<[string, ListState, string[], number | null]>([
  ["stays on its row", at(3), keys(10), 3],
  ["follows its row when earlier ones go", at(3), keys(10, 2), 1],
  ["stays in its place when its row goes", at(3), keys(10, 5), 3],
  ["comes to the last when all after it go too", at(9), keys(4), 3],
  ["is none in an empty list", at(3), [], null],
  ["is none when nothing is selected", nothing(0), keys(10), null],
])("the selection %s", (_what, list, rows, expected) => expect(selectedIndex(list, rows)).toBe(expected));

it.each<[string, ListState, number, number]>([
  ["the end is followed", nothing("end"), 4, 6],
  ["a place is kept", nothing(2), 4, 2],
  ["but not beyond the end", nothing(9), 4, 6],
  ["the selection is in sight, above", at(1, 5), 4, 1],
  ["the selection is in sight, below", at(8, 2), 4, 5],
  ["everything fits", nothing(3), 20, 0],
])("%s", (_what, list, height, expected) => expect(topRow(list, { keys: keys(10), height })).toBe(expected));

describe("scroll()", () => {
  it.each<[string, ListState, number, number, ListState]>([
    ["leaves the end", nothing("end"), 4, -3, nothing(3)],
    ["comes back to it", nothing(4), 4, 3, nothing("end")],
    ["takes the selection along", at(9, "end"), 4, -3, at(6, 3)],
    ["changes nothing where everything fits", nothing(0), 20, 3, nothing(0)],
    ["and still follows the end there", nothing("end"), 20, 3, nothing("end")],
  ])("%s", (_what, list, height, by, expected) => {
    expect(scroll(list, { keys: keys(10), height }, by)).toEqual(expected);
  });
});

it.each([[-5, 0], [3, 3], [99, 9]])("select() of %i takes %i", (index, expected) => {
  expect(select(nothing(0), { keys: keys(10), height: 4 }, index).selected).toEqual(at(expected).selected);
});
