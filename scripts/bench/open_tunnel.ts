import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";

/** How to reach the service. */
export interface Path {
  /** Where to connect, on 127.0.0.1. */
  readonly port: number;
  /** Authority (PEM) that the server's certificate is verified against. */
  readonly caPem: string;
  /** What to CONNECT to (RFC 9110 section 9.3.6). */
  readonly connect: { readonly authority: string; readonly token: string };
}

const MAX_HEAD_BYTES = 4096;

/** Opens a tunnel: TCP, a cold TLS handshake, CONNECT. The caller closes it. */
export async function openTunnel(path: Path): Promise<ByteStream> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: path.port });
  tcp.setNoDelay(true);
  const tls = await Deno.startTls(tcp, {
    hostname: "localhost",
    caCerts: [path.caPem],
    alpnProtocols: ["http/1.1"],
  });
  await tls.handshake();
  const stream = denoStream(tls);
  await connect(stream, path.connect);
  return stream;
}

async function connect(stream: ByteStream, { authority, token }: Path["connect"]): Promise<void> {
  const fields = `Host: ${authority}\r\nAuthorization: Pomerium ${token}\r\n`;
  const head = `CONNECT ${authority} HTTP/1.1\r\n${fields}\r\n`;
  await stream.write(utf8(head));
  const answer = await readHead(stream);
  if (!/^HTTP\/1\.[01] 200 /.test(answer)) {
    throw new Error(`CONNECT was answered with ${answer.split("\r\n")[0]}`);
  }
}

/** The service never speaks first, so nothing that belongs to the tunnel is read here. */
async function readHead(stream: ByteStream): Promise<string> {
  const buffer = new Uint8Array(MAX_HEAD_BYTES);
  let text = "";
  for (let filled = 0; !text.endsWith("\r\n\r\n");) {
    const count = filled === buffer.length ? null : await stream.read(buffer.subarray(filled));
    if (count === null) throw new Error("CONNECT was not answered");
    filled += count;
    text = fromUtf8(buffer.subarray(0, filled));
  }
  return text;
}
