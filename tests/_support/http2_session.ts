import { type ClientHttp2Session, connect } from "node:http2";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { StreamDuplex } from "../../lib/base/stream_duplex.ts";
import { GoawayFilter } from "./goaway_filter.ts";
import type { TestGateway } from "./test_gateway.ts";

/** Of the head of a frame, which the filter may have held back. */
const HELD_BYTES = 9;

/**
 * A session of `node:http2`. GOAWAY is kept from it: the platform's (Deno 2.9.6) corrupts its memory when it receives one
 * while streams are open, as when a gateway stops.
 */
export function http2Session(gateway: Pick<TestGateway, "url" | "port" | "caPem">): ClientHttp2Session {
  const dialled = dial(gateway);
  const filter = new GoawayFilter();
  const stream: ByteStream = {
    async read(into) {
      for (;;) {
        const count = await (await dialled).read(into.subarray(0, into.length - HELD_BYTES));
        const kept = count === null ? null : filter.push(into.subarray(0, count));
        if (kept !== null) into.set(kept);
        if (kept?.length !== 0) return kept?.length ?? null;
      }
    },
    write: async (bytes) => await (await dialled).write(bytes),
    closeWrite: async () => await (await dialled).closeWrite(),
    close: () => void dialled.then((stream) => stream.close()),
  };
  const duplex = new StreamDuplex(stream);
  duplex.once("end", () => duplex.destroy());
  return connect(gateway.url, { createConnection: () => duplex }).on("error", () => {});
}

async function dial({ port, caPem }: Pick<TestGateway, "port" | "caPem">): Promise<ByteStream> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  return denoStream(
    await Deno.startTls(conn, { hostname: "localhost", caCerts: [caPem], alpnProtocols: ["h2"] }),
  );
}
