import { describe, expect, it } from "vitest";
import { Scratch } from "../../lib/ssh/scratch.ts";

describe("Scratch", () => {
  it("is the same memory again as long as that is enough", () => {
    const scratch = new Scratch();
    const memory = scratch.room(100);
    expect(memory.length).toBe(128);
    expect(scratch.room(128)).toBe(memory);
    expect(scratch.room(129)).not.toBe(memory);
  });

  it("is smaller again after 16 uses in a row that need little of it", () => {
    const scratch = new Scratch();
    scratch.room(100_000);
    const lengths = Array.from({ length: 32 }, () => scratch.room(1000).length);
    expect([lengths[0], lengths.at(-1)]).toEqual([131_072, 1024]);
  });

  it("stays as large as one use in 16 needs it", () => {
    const scratch = new Scratch();
    const memory = scratch.room(100_000);
    for (let i = 0; i < 200; i++) expect(scratch.room(i % 16 === 0 ? 50_000 : 10)).toBe(memory);
  });
});
