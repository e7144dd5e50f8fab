import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Upstream } from "../../lib/config/config.ts";
import { drawOrder } from "../../lib/upstream/pick.ts";

function upstreams(weights: Readonly<Record<string, number>>): Upstream[] {
  return Object.entries(weights).map(([host, weight]) => {
    return { url: `tcp://${host}:1`, scheme: "tcp", host, port: 1, weight };
  });
}

/** Answers with each number once. */
function scripted(...numbers: number[]): () => number {
  return () => numbers.shift() ?? 0;
}

const hosts = (order: readonly Upstream[]) => order.map(({ host }) => host);

describe("drawOrder()", () => {
  it.each([
    [0, "a"],
    [0.0999, "a"],
    [0.1, "b"],
    [0.3999, "b"],
    [0.4, "c"],
    [0.9999, "c"],
  ])("draws at %d of the whole weight the one that covers it: %s", (point, first) => {
    expect(drawOrder(upstreams({ a: 1, b: 3, c: 6 }), scripted(point))[0]!.host).toBe(first);
  });

  it("draws in proportion to the weights", () => {
    const route = upstreams({ a: 1, b: 3, c: 6 });
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 1000; i++) counts[drawOrder(route, scripted((i + 0.5) / 1000))[0]!.host]!++;
    expect(counts).toEqual({ a: 100, b: 300, c: 600 });
  });

  it("draws the next among those that are left, by their weights", () => {
    expect(hosts(drawOrder(upstreams({ a: 1, b: 3, c: 6 }), scripted(0.5, 0.25, 0)))).toEqual([
      "c",
      "b",
      "a",
    ]);
    expect(hosts(drawOrder(upstreams({ a: 1, b: 3, c: 6 }), scripted(0.5, 0.24, 0)))).toEqual([
      "c",
      "a",
      "b",
    ]);
  });

  it("holds every upstream once, whatever the draw, and leaves its argument alone", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 2 ** 31 }), { maxLength: 8 });
    const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 8 });
    fc.assert(fc.property(weights, draws, (weights, draws) => {
      const route = Object.freeze(
        upstreams(Object.fromEntries(weights.map((weight, i) => [`h${i}`, weight]))),
      );
      const order = drawOrder(route, scripted(...draws));
      expect(hosts(order).sort()).toEqual(hosts(route));
    }));
  });

  it("copes with a random that is out of its bounds", () => {
    expect(hosts(drawOrder(upstreams({ a: 1, b: 1 }), () => 1))).toEqual(["b", "a"]);
  });
});
