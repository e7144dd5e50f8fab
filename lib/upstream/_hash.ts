import { createHash } from "node:crypto";

/** Two independent numbers from 0 to 2^32-1 that a text always leads to. */
export function hashes(text: string): readonly [number, number] {
  const digest = createHash("sha256").update(text).digest();
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)];
}
