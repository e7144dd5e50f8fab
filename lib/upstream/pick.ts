import type { Upstream } from "../config/config.ts";

/**
 * The order in which to try the upstreams of a route: the first is drawn by weight, the rest follow in drawn order, so
 * that a connection which cannot be made falls over to another.
 *
 * @param random a number from 0 (included) to 1 (excluded) at each call
 */
export function drawOrder(upstreams: readonly Upstream[], random: () => number): Upstream[] {
  const left = [...upstreams];
  const order: Upstream[] = [];
  while (left.length > 0) {
    let point = random() * left.reduce((sum, upstream) => sum + upstream.weight, 0);
    let index = left.findIndex((upstream) => (point -= upstream.weight) < 0);
    if (index < 0) index = left.length - 1;
    order.push(...left.splice(index, 1));
  }
  return order;
}
