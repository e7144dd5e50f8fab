import type { Authority } from "../../base/authority.ts";
import type { ByteStream } from "../../base/byte_stream.ts";
import { streamAfter } from "../../base/stream_after.ts";
import { Socks5Client } from "../../codec/socks5.ts";
import { DialError } from "../../upstream/dial_error.ts";

/**
 * Has a SOCKS server connect to `target`.
 *
 * @param stream to the server; left open on a failure
 * @returns the connection, which closes `stream`
 * @throws {CodecError} when it is none; {DialError} `dial/refused` when it does not connect
 */
export async function socksConnect(stream: ByteStream, target: Authority): Promise<ByteStream> {
  const client = new Socks5Client(target);
  const buffer = new Uint8Array(512);
  await stream.write(client.greeting);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) return client.end();
    const step = client.push(buffer.subarray(0, count));
    if (step.kind === "open") return streamAfter(step.rest, stream);
    if (step.kind === "refused") {
      throw new DialError("dial/refused", `The SSH client could not connect: ${step.reason}`);
    }
    if (step.send !== null) await stream.write(step.send);
  }
}
