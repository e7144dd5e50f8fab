import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { udpClient } from "../../lib/http/udp_client.ts";
import { testFlow } from "../tunnel/_flows.ts";
import { turn } from "../tunnel/_ends.ts";

/** A stream that notes what is done to it. Each write waits for the test; reading waits for the end of the peer. */
function notedStream() {
  const calls: string[] = [];
  const writes: PromiseWithResolvers<void>[] = [];
  let isReading = false;
  const peerEnd = Promise.withResolvers<number | null>();
  const stream: ByteStream = {
    read() {
      if (isReading) calls.push("second read");
      isReading = true;
      return peerEnd.promise.finally(() => isReading = false);
    },
    write(bytes) {
      calls.push(`write ${bytes.length}`);
      const write = Promise.withResolvers<void>();
      writes.push(write);
      return write.promise;
    },
    closeWrite() {
      calls.push("closeWrite");
      return Promise.resolve();
    },
    close() {
      calls.push("close");
      peerEnd.resolve(null);
    },
  };
  return { stream, calls, writes, endOfPeer: () => peerEnd.resolve(null) };
}

describe("udpClient().end()", () => {
  it.each(["completed", "no-longer-allowed", "idle-timeout", "gateway-stopping"] as const)(
    "says the end of the stream for %s, and closes once the client has ended, too",
    async (reason) => {
      const { stream, calls, endOfPeer } = notedStream();
      const client = udpClient(stream, null);
      void client.flow.receive(() => {});
      const done = client.end(reason);
      await turn();
      expect(calls).toEqual(["closeWrite"]);
      endOfPeer();
      await done;
      expect(calls.slice(0, 2)).toEqual(["closeWrite", "close"]);
    },
  );

  it.each(["protocol-error", "client-reset"] as const)("aborts the stream for %s", async (reason) => {
    const { stream, calls } = notedStream();
    const client = udpClient(stream, null);
    void client.flow.receive(() => {});
    await client.end(reason);
    expect(calls).toEqual(["close"]);
  });

  it("lets capsules that are on their way get through before the end", async () => {
    const { stream, calls, writes, endOfPeer } = notedStream();
    const client = udpClient(stream, null);
    void client.flow.receive(() => {});
    for (const bytes of [1, 2, 3]) client.flow.send(new Uint8Array(bytes));
    const done = client.end("idle-timeout");
    await turn();
    // The first alone, and those that came meanwhile in one piece.
    expect(calls).toEqual(["write 4"]);
    writes[0]!.resolve();
    await turn();
    expect(calls).toEqual(["write 4", "write 11"]);
    writes[1]!.resolve();
    await turn();
    expect(calls).toEqual(["write 4", "write 11", "closeWrite"]);
    endOfPeer();
    await done;
  });

  it("closes the datagrams beside the stream, too", async () => {
    const { stream, calls, endOfPeer } = notedStream();
    const datagrams = testFlow();
    const client = udpClient(stream, datagrams);
    void client.flow.receive(() => {});
    client.flow.send(new Uint8Array(3));
    endOfPeer();
    await client.end("completed");
    expect([datagrams.sent.length, datagrams.isClosed, client.flow.maxPayloadBytes]).toEqual([1, true, 100]);
    expect(calls).toContain("close");
  });
});
