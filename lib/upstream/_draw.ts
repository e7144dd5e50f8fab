/**
 * One of some things, drawn by weight.
 *
 * @param items at least one; @param random 0 (included) to 1 (excluded) at each call
 */
export function draw<T extends { readonly weight: number }>(items: readonly T[], random: () => number): T {
  let point = random() * items.reduce((sum, item) => sum + item.weight, 0);
  return items.find((item) => (point -= item.weight) < 0) ?? items.at(-1)!;
}
