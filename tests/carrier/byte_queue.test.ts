import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteQueue, SpareBlocks } from "../../lib/carrier/byte_queue.ts";

it("ByteQueue gives out what it was given, in whatever pieces, several with the same spare blocks", () => {
  const step = fc.tuple(fc.nat(2), fc.boolean(), fc.integer({ min: 1, max: 40_000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const spare = new SpareBlocks();
      const queues = [1, 2, 3].map((seed) => ({ queue: new ByteQueue(spare), given: 0, taken: 0, seed }));
      for (const [at, gives, length] of steps) {
        const one = queues[at]!;
        if (gives) {
          one.queue.push(Uint8Array.from({ length }, (_, i) => (one.given + i) * one.seed));
          one.given += length;
        } else {
          const into = new Uint8Array(length);
          const count = one.queue.take(into);
          expect(count).toBe(Math.min(length, one.given - one.taken));
          const expected = Uint8Array.from({ length: count }, (_, i) => (one.taken + i) * one.seed);
          expect(into.subarray(0, count)).toEqual(expected);
          one.taken += count;
        }
        expect(one.queue.length).toBe(one.given - one.taken);
      }
      for (const { queue, given, taken } of queues) {
        expect([queue.clear(), queue.length, queue.take(new Uint8Array(9))]).toEqual([given - taken, 0, 0]);
      }
    }),
    { numRuns: 50 },
  );
});

it("SpareBlocks gives a large block again, and none after many small pieces", () => {
  const spare = new SpareBlocks();
  const block = spare.take(16_000);
  spare.giveBack(block);
  expect(spare.take(9000)).toBe(block);
  spare.giveBack(block);
  for (let i = 0; i < 16; i++) spare.take(1);
  expect(spare.take(9000)).not.toBe(block);
});
