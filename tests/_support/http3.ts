import { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import type { Http3Stream } from "../../lib/carrier/http3_stream.ts";
import { fromUtf8 } from "../../lib/base/bytes.ts";
import { readAll, type TestGateway } from "./test_gateway.ts";

/** An HTTP/3 connection to a test gateway. The caller closes it. */
export async function dialHttp3(
  gateway: TestGateway,
  options: Partial<Deno.ConnectQuicOptions<false>> = {},
): Promise<Http3Connection> {
  return Http3Connection.connect(
    await Deno.connectQuic<false>({
      hostname: "127.0.0.1",
      port: gateway.port,
      serverName: "localhost",
      caCerts: [gateway.caPem],
      alpnProtocols: ["h3"],
      ...options,
    }),
  );
}

/** Sends a request without content. */
export async function ask(
  connection: Http3Connection,
  { method = "GET", authority, path, token }: {
    method?: string;
    authority: string;
    path?: string;
    token?: string;
  },
): Promise<{ status: number; headers: Headers; stream: Http3Stream; text(): Promise<string> }> {
  const stream = await connection.request([
    [":method", method],
    ...(path === undefined ? [] : [[":scheme", "https"], [":path", path]] as const),
    [":authority", authority],
    ...(token === undefined ? [] : [["authorization", `Pomerium ${token}`]] as const),
  ]);
  if (method !== "CONNECT") await stream.closeWrite();
  const { status, headers } = await stream.readAnswer();
  const text = async () => fromUtf8(await readAll(stream));
  return { status, headers: new Headers(headers.map(([name, value]) => [name, value])), stream, text };
}
