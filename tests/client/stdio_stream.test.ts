import { describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { stdioStream } from "../../lib/client/stdio_stream.ts";

function stdio(reads: (string | null | "pending")[]) {
  const written: string[] = [];
  const stream = stdioStream({
    stdin: {
      read(into) {
        const next = reads.shift() ?? null;
        if (next === "pending") return new Promise(() => {});
        if (next !== null) into.set(utf8(next));
        return Promise.resolve(next?.length ?? null);
      },
    },
    stdout: {
      write(bytes) {
        written.push(fromUtf8(bytes.subarray(0, 3)));
        return Promise.resolve(Math.min(3, bytes.length));
      },
    },
  });
  return { stream, written };
}

describe("stdioStream()", () => {
  it("reads standard input to its end", async () => {
    const { stream } = stdio(["ab"]);
    const into = new Uint8Array(8);
    expect(await stream.read(into)).toBe(2);
    expect(await stream.read(into)).toBeNull();
  });

  it("writes until everything was taken", async () => {
    const { stream, written } = stdio([]);
    await stream.write(utf8("abcdefg"));
    expect(written).toEqual(["abc", "def", "g"]);
  });

  it("fails a read that is pending when it is closed, and any later one", async () => {
    const { stream } = stdio(["pending"]);
    const pending = stream.read(new Uint8Array(1));
    stream.close();
    await expect(pending).rejects.toThrow(Deno.errors.Interrupted);
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow(Deno.errors.Interrupted);
  });
});
