import type { Area, Size } from "./grid.ts";
import { PANEL_IDS, type PanelId } from "./_panels.ts";

/** From here on the two tables that change least stand beside each other. */
const BESIDE_COLUMNS = 120;
const BESIDE_GAP = 2;
/** Title, headings, one row. */
const SMALLEST_TABLE = 3;
/** Title, one line. */
const SMALLEST_LOG = 2;

/**
 * Where each panel is, between the first and the last line. It depends on how many requests and routes there are, but not
 * on connections and messages, which come and go: those share what is left. Where there is not room for all, a panel is
 * its title alone, and the one with the focus is the last to give way.
 *
 * @param options `rowCounts`: how many rows each would have
 */
export function layoutPanels(
  size: Size,
  { shown, focus, rowCounts }: {
    shown: readonly PanelId[];
    focus: PanelId | null;
    rowCounts: Readonly<Record<PanelId, number>>;
  },
): Map<PanelId, Area> {
  const bands = bandsOf(size, shown);
  const available = Math.max(0, size.rows - 2);
  const heights = bandHeights(bands, { available, focus, rowCounts });
  const areas = new Map<PanelId, Area>();
  let y = 1;
  for (const [index, band] of bands.entries()) {
    const height = heights[index]!;
    let x = 0;
    for (const [place, id] of band.entries()) {
      const isLast = place === band.length - 1;
      const width = isLast ? size.columns - x : Math.floor(size.columns / 3);
      if (height > 0) areas.set(id, { x, y, width, height });
      x += width + BESIDE_GAP;
    }
    y += height;
  }
  return areas;
}

function bandsOf({ columns }: Size, shown: readonly PanelId[]): PanelId[][] {
  const visible = PANEL_IDS.filter((id) => shown.includes(id));
  const isBeside = columns >= BESIDE_COLUMNS && visible.includes(2) && visible.includes(3);
  if (!isBeside) return visible.map((id) => [id]);
  return visible.filter((id) => id !== 3).map((id) => id === 2 ? [2, 3] : [id]);
}

function bandHeights(
  bands: readonly (readonly PanelId[])[],
  { available, focus, rowCounts }: {
    available: number;
    focus: PanelId | null;
    rowCounts: Readonly<Record<PanelId, number>>;
  },
): number[] {
  const heights = bands.map(() => 0);
  let left = available;
  const grow = (index: number, to: number) => {
    const by = Math.min(Math.max(0, to - heights[index]!), left);
    heights[index]! += by;
    left -= by;
  };
  const indexes = [...bands.keys()];
  const focused = bands.findIndex((band) => focus !== null && band.includes(focus));
  const order = focused < 0 ? indexes : [focused, ...indexes.filter((index) => index !== focused)];
  const smallest = bands.map((band) => band.includes(4) ? SMALLEST_LOG : SMALLEST_TABLE);
  const isCrowded = smallest.reduce((sum, height) => sum + height, 0) > available;
  for (const index of order) grow(index, 1);
  if (isCrowded && focused >= 0) grow(focused, Math.floor(available / 2));
  for (const index of order) {
    if (smallest[index]! - heights[index]! <= left) grow(index, smallest[index]!);
  }
  const isSteady = (index: number) => bands[index]!.some((id) => id === 2 || id === 3);
  for (const index of indexes.filter(isSteady)) {
    const wanted = 2 + Math.max(...bands[index]!.map((id) => id === 2 || id === 3 ? rowCounts[id] : 0));
    // One line stays free below it, where there is room.
    if (heights[index]! > 1) grow(index, Math.min(wanted + (left > 12 ? 1 : 0), Math.floor(available / 3)));
  }
  const open = indexes.filter((index) => heights[index]! > 1);
  const changing = open.filter((index) => !isSteady(index));
  const sharing = changing.length > 0 ? changing : open;
  shareEvenly(heights, { sharing, left });
  return heights;
}

/** Gives out what is left, one row at a time, to the one that has least. */
function shareEvenly(
  heights: number[],
  { sharing, left }: { sharing: readonly number[]; left: number },
): void {
  if (sharing.length === 0) return;
  for (let rows = left; rows > 0; rows--) {
    const least = Math.min(...sharing.map((index) => heights[index]!));
    heights[sharing.find((index) => heights[index] === least)!]!++;
  }
}
