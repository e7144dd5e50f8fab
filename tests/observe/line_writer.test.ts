import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { LineWriter } from "../../lib/observe/line_writer.ts";

it("LineWriter writes the lines of a turn in one piece, and those of the next in another", async () => {
  const written: string[] = [];
  const lines = new LineWriter((text) => written.push(text));
  lines.sink("a");
  await Promise.resolve();
  lines.sink("b");
  expect(written).toEqual([]);
  await setImmediate();
  lines.sink("c");
  await setImmediate();
  expect(written).toEqual(["a\nb\n", "c\n"]);
});

it("LineWriter writes what is left when it is disposed, once", async () => {
  const written: string[] = [];
  {
    using lines = new LineWriter((text) => written.push(text));
    lines.sink("a");
  }
  await setImmediate();
  expect(written).toEqual(["a\n"]);
});

it("LineWriter holds back no more than 64 KiB", () => {
  const written: string[] = [];
  const lines = new LineWriter((text) => written.push(text));
  lines.sink("a");
  lines.sink("b".repeat(64 * 1024));
  expect(written.join("")).toHaveLength(64 * 1024 + 3);
});
