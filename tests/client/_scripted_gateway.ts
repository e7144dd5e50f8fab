import { denoStream } from "../../lib/base/deno_stream.ts";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { pump } from "../../lib/base/pump.ts";
import type { GatewayAddress } from "../../lib/client/gateway_address.ts";
import type { TestCertificates } from "./_certificates.ts";

/** A request as it came over the wire. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** The whole head. */
  readonly head: string;
  readonly authorization: string | undefined;
}

/** Answers one request; the connection is closed after it. */
export type Script = (request: SeenRequest, stream: ByteStream) => Promise<void> | void;

/** A gateway that does what a test says. Whoever starts it disposes it. */
export interface ScriptedGateway extends AsyncDisposable {
  readonly address: GatewayAddress;
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

/** Listens on a loopback port: plain, or with TLS as `localhost`. */
export function startGateway(script: Script, certificates?: TestCertificates): ScriptedGateway {
  const at = { hostname: "127.0.0.1", port: 0 };
  const listener: Deno.Listener = certificates === undefined
    ? Deno.listen(at)
    : Deno.listenTls({ ...at, cert: certificates.certPem, key: certificates.keyPem });
  const requests: SeenRequest[] = [];
  const live = new Set<Deno.Conn>();
  const finished = (async () => {
    for await (const conn of listener) {
      live.add(conn);
      serve(conn as Deno.TcpConn, { script, requests }).catch(() => {}).finally(() => live.delete(conn));
    }
  })();
  const tls = certificates !== undefined;
  const host = tls ? "localhost" : "127.0.0.1";
  const { port } = listener.addr as Deno.NetAddr;
  return {
    address: { tls, host, port },
    url: `${tls ? "https" : "http"}://${host}:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of live) {
        try {
          conn.close();
        } catch { /* already closed */ }
      }
      await finished;
    },
  };
}

async function serve(
  conn: Deno.TcpConn,
  { script, requests }: { script: Script; requests: SeenRequest[] },
): Promise<void> {
  const stream = denoStream(conn);
  try {
    const head = await readHead(stream);
    const [method, target] = head.split(" ");
    const authorization = /^authorization: (.*)$/im.exec(head)?.[1];
    const request = { method: method!, target: target!, head, authorization };
    requests.push(request);
    await script(request, stream);
    await stream.closeWrite();
  } finally {
    stream.close();
  }
}

async function readHead(stream: ByteStream): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (await stream.read(byte) === null) throw new Error("The client went away");
    head += fromUtf8(byte);
  }
  return head;
}

/** Sends a whole response with a body. */
export async function respond(stream: ByteStream, status: number, body = ""): Promise<void> {
  const length = utf8(body).length;
  await stream.write(
    utf8(`HTTP/1.1 ${status} Text\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`),
  );
}

/** Accepts a CONNECT and sends back whatever comes in. */
export async function echoTunnel(stream: ByteStream): Promise<void> {
  await stream.write(utf8("HTTP/1.1 200 OK\r\n\r\n"));
  await pump(stream, stream);
}

/** Everything until the peer has finished sending, as text. */
export async function readText(stream: Pick<ByteStream, "read">): Promise<string> {
  let text = "";
  const into = new Uint8Array(4096);
  for (let n = await stream.read(into); n !== null; n = await stream.read(into)) {
    text += fromUtf8(into.subarray(0, n));
  }
  return text;
}

/** A token with the shape of a compact JWS. */
export function testToken(claims: Record<string, unknown> = { sub: "alice" }): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
}
