import { expect, it } from "vitest";
import { concatBytes } from "../../lib/base/bytes.ts";
import { GoawayFilter } from "../../lib/codec/goaway_filter.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, payload: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, payload.length, type, 0, 0, 0, 0, 1, ...payload]);
}

const KEPT = [PREFACE, frame(4, []), frame(0, [1, 2, 3]), frame(6, [7, 7])];
const SENT = concatBytes([KEPT[0]!, KEPT[1]!, frame(7, [9, 9, 9, 9]), KEPT[2]!, frame(7, []), KEPT[3]!]);

it.each(Array.from({ length: SENT.length + 1 }, (_, split) => split))(
  "GoawayFilter takes GOAWAY out and nothing else, split at %i",
  (split) => {
    const filter = new GoawayFilter({ from: "client" });
    const parts = [filter.push(SENT.subarray(0, split)), filter.push(SENT.subarray(split))];
    expect(concatBytes(parts)).toEqual(concatBytes(KEPT));
  },
);

const [A, B] = [frame(0, [1]), frame(6, [2])];
const GOAWAY = Uint8Array.from([0, 0, 10, 7, 0, 0, 0, 0, 0, 0x80, 0, 1, 5, 0, 0, 0, 2, 104, 105]);
const FROM_SERVER = concatBytes([A, GOAWAY, B]);

it.each(Array.from({ length: FROM_SERVER.length + 1 }, (_, split) => split))(
  "GoawayFilter tells the last stream that a server will answer, split at %i",
  (split) => {
    const told: number[] = [];
    const filter = new GoawayFilter({ from: "server", onGoaway: (lastStream) => told.push(lastStream) });
    const parts = [filter.push(FROM_SERVER.subarray(0, split)), filter.push(FROM_SERVER.subarray(split))];
    expect(concatBytes(parts)).toEqual(concatBytes([A, B]));
    expect(told).toEqual([261]);
  },
);
