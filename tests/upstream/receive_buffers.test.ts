import { expect, it } from "vitest";
import { ReceiveBuffers } from "../../lib/upstream/_receive_buffers.ts";

it("ReceiveBuffers lends buffers for the longest datagram, none of which is part of another", () => {
  const buffers = new ReceiveBuffers();
  const lent = Array.from({ length: 40 }, () => buffers.lend());
  for (const [at, buffer] of lent.entries()) buffer.fill(at + 1);
  for (const [at, buffer] of lent.entries()) {
    expect(buffer).toHaveLength(65_535);
    expect([buffer[0], buffer.at(-1)]).toEqual([at + 1, at + 1]);
  }
  // Many share a piece of memory.
  expect(new Set(lent.map(({ buffer }) => buffer)).size).toBe(3);
});

it("ReceiveBuffers lends again what it got back, and frees it when nothing is lent", () => {
  const buffers = new ReceiveBuffers();
  const [first, second] = [buffers.lend(), buffers.lend()];
  buffers.giveBack(first);
  expect(buffers.lend()).toBe(first);
  buffers.giveBack(first);
  buffers.giveBack(second);
  expect(buffers.lend().buffer).not.toBe(first.buffer);
});
