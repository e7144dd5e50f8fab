// deno-lint-ignore-file no-console -- speaks to the program that started it

/**
 * The service behind the tunnels, as a program of its own: listens on loopback, over TCP and over TLS with the pair of
 * `CERT_FILE` and `KEY_FILE`, prints `{"tcp": PORT, "tls": PORT}`, and ends when its standard input does. `protocol.ts` says
 * what it can be asked for. Never waits to fill a segment (Nagle's algorithm is off), over neither.
 */
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { nodeStream } from "../../lib/base/node_stream.ts";
import { DONE, MODES, readExactly, REQUEST_BYTES } from "./protocol.ts";

type Handler = (stream: ByteStream, count: number) => Promise<void>;

const CHUNK = new Uint8Array(128 * 1024);

const HANDLERS: Readonly<Record<number, Handler>> = {
  async [MODES.download](stream, count) {
    for (let left = count; left > 0; left -= CHUNK.length) {
      await stream.write(CHUNK.subarray(0, Math.min(left, CHUNK.length)));
    }
  },
  async [MODES.upload](stream, count) {
    const buffer = new Uint8Array(CHUNK.length);
    for (let left = count; left > 0;) left -= await stream.read(buffer) ?? Infinity;
    await stream.write(DONE);
  },
  async [MODES.echo](stream) {
    const byte = new Uint8Array(1);
    while (await stream.read(byte) !== null) await stream.write(byte);
  },
  async [MODES.twoWrites](stream) {
    const byte = new Uint8Array(1);
    while (await stream.read(byte) !== null) {
      await stream.write(byte);
      await stream.write(byte);
    }
  },
};

async function serve(stream: ByteStream): Promise<void> {
  try {
    const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
    await readExactly(stream, new Uint8Array(request.buffer));
    await HANDLERS[request.getUint8(0)]?.(stream, Number(request.getBigUint64(1)));
    while (await stream.read(new Uint8Array(1)) !== null);
  } catch {
    // The load program tells of what goes wrong; a tunnel that it drops is not wrong here.
  } finally {
    stream.close();
  }
}

async function acceptTcp(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) {
    (conn as Deno.TcpConn).setNoDelay(true);
    void serve(denoStream(conn));
  }
}

function listenTls(): Promise<number> {
  const [cert, key] = ["CERT_FILE", "KEY_FILE"].map((name) => Deno.readTextFileSync(Deno.env.get(name)!));
  // Not `Deno.listenTls`, which leaves Nagle's algorithm on.
  const server = createServer({ cert, key, noDelay: true }, (socket) => void serve(nodeStream(socket)));
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  );
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void acceptTcp(listener);
  console.log(JSON.stringify({ tcp: listener.addr.port, tls: await listenTls() }));
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}
