import { constants } from "node:http2";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { nodeStream } from "../../lib/base/node_stream.ts";
import { capsuleFlow } from "../../lib/carrier/capsule_flow.ts";
import type { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import { http2Session } from "./http2_session.ts";
import { dialHttp3 } from "./http3.ts";
import { readAnswer, type TestGateway, until } from "./test_gateway.ts";

/** How to ask for a tunnel. */
export interface AskUdpOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `GET`. */
  readonly method?: string;
  /** Sent with the request, before the answer. */
  readonly early?: Uint8Array;
}

/** What came back. With 101 or 200 the stream is the tunnel. */
export interface UdpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly stream: ByteStream;
}

/** The path of the default template. */
export function udpPath(host: string, port: number | string): string {
  return `/.well-known/masque/udp/${host}/${port}/`;
}

/** Asks over HTTP/1.1 as RFC 9298 section 3.2 says, but for what `options` say. */
export async function askUdp1(
  gateway: TestGateway,
  path: string,
  options: AskUdpOptions = {},
): Promise<UdpAnswer> {
  const headers: Record<string, string> = {
    Host: `localhost:${gateway.port}`,
    Connection: "Upgrade",
    Upgrade: "connect-udp",
    "Capsule-Protocol": "?1",
    ...options.headers,
  };
  if (options.token !== undefined) headers.Authorization = `Pomerium ${options.token}`;
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = utf8(`${options.method ?? "GET"} ${path} HTTP/1.1\r\n${fields}\r\n`);
  const stream = denoStream(await gateway.dial());
  await stream.write(new Uint8Array([...head, ...options.early ?? []]));
  return await readAnswer(stream);
}

/** Asks over HTTP/2 (RFC 8441, RFC 9298 section 3.4); closing the stream closes the connection. */
export async function askUdp2(
  gateway: TestGateway,
  path: string,
  options: AskUdpOptions = {},
): Promise<UdpAnswer> {
  const session = http2Session(gateway);
  session.on("error", () => {});
  await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
  const request = session.request({
    ":method": "CONNECT",
    ":protocol": "connect-udp",
    ":scheme": "https",
    ":authority": `localhost:${gateway.port}`,
    ":path": path,
    "capsule-protocol": "?1",
    ...options.headers,
    ...(options.token === undefined ? {} : { authorization: `Pomerium ${options.token}` }),
  }, { endStream: false });
  request.on("close", () => session.destroy());
  if (options.early !== undefined) request.write(options.early);
  const stream = nodeStream(request);
  const answer = await new Promise<Record<string, string | string[] | undefined>>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
    request.once("close", () => reject(new Error(`closed with ${request.rstCode}`)));
  });
  const { [constants.HTTP2_HEADER_STATUS]: status, ...headers } = answer;
  return {
    status: Number(status),
    headers: new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    stream,
  };
}

/** Asks over HTTP/3 (RFC 9220); the datagrams of the tunnel are not those of its stream. Closing that closes the connection. */
export async function askUdp3(
  gateway: TestGateway,
  path: string,
  options: AskUdpOptions = {},
): Promise<UdpAnswer & { readonly flow: DatagramFlow; readonly connection: Http3Connection }> {
  const connection = await dialHttp3(gateway);
  const stream = await connection.request([
    ...[[":method", "CONNECT"], [":protocol", "connect-udp"], [":scheme", "https"]] as const,
    ...[[":authority", `localhost:${gateway.port}`], [":path", path], ["capsule-protocol", "?1"]] as const,
    ...Object.entries(options.headers ?? {}),
    ...(options.token === undefined ? [] : [["authorization", `Pomerium ${options.token}`]] as const),
  ]);
  if (options.early !== undefined) await stream.write(options.early);
  void stream.gone.then(() => connection.close());
  const { status, headers } = await stream.readAnswer();
  return {
    status,
    headers: new Headers(headers.map(([...field]) => field)),
    stream,
    flow: stream.datagrams!,
    connection,
  };
}

/** A tunnel in use: its datagrams as text. */
export interface UdpTunnel extends Disposable {
  readonly flow: DatagramFlow;
  readonly received: string[];
  /** Resolves when the gateway has ended the stream, `null`, or it broke, with what it broke with. */
  readonly ended: Promise<Error | null>;
  send(text: string): void;
  /** Sends a datagram and waits for the same to come back. */
  echo(text: string): Promise<void>;
}

/** Goes on with an answer. */
export function udpTunnel({ stream }: Pick<UdpAnswer, "stream">): UdpTunnel {
  const flow = capsuleFlow(stream);
  const received: string[] = [];
  const ended = flow.receive((payload) => void received.push(new TextDecoder().decode(payload)))
    .then(() => null, (error: Error) => error)
    // Answers an end with an end, as polite peers do.
    .finally(() => void stream.closeWrite().catch(() => {}));
  return {
    flow,
    received,
    ended,
    send: (text) => void flow.send(utf8(text)),
    async echo(text) {
      flow.send(utf8(text));
      await until(() => received.includes(text));
    },
    [Symbol.dispose]: () => flow.close(),
  };
}
