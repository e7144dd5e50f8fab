import { afterEach, beforeAll, beforeEach } from "vitest";
import type { RequestHead } from "../../lib/codec/http_fields.ts";
import type { Field } from "../../lib/codec/qpack.ts";
import { Http3Connection, type Http3ServerOptions } from "../../lib/carrier/http3_connection.ts";
import type { Http3Stream } from "../../lib/carrier/http3_stream.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { ManualClock } from "./manual_clock.ts";

let certificates: { ca: string; cert: string; key: string };
let cleanup: AsyncDisposableStack;
export let clock: ManualClock;

/** QUIC on loopback for each test of a file. */
export function useQuic(): void {
  beforeAll(async () => {
    const now = Date.now();
    const authority = await createAuthority({ now, commonName: "Test authority" });
    const pair = await issueServerCertificate({ authority, names: ["localhost"], now });
    certificates = { ca: authority.certPem, cert: pair.certPem, key: pair.keyPem };
  });
  beforeEach(() => {
    cleanup = new AsyncDisposableStack();
    clock = new ManualClock();
  });
  afterEach(() => cleanup.disposeAsync());
}

/** Both ends of a QUIC connection. */
export async function quicPair(
  options: Deno.QuicTransportOptions = {},
): Promise<{ near: Deno.QuicConn; far: Deno.QuicConn }> {
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1" });
  const { cert, key, ca } = certificates;
  const transport = { maxConcurrentBidirectionalStreams: 100, maxIdleTimeout: 10_000, ...options };
  const listener = endpoint.listen({ cert, key, alpnProtocols: ["h3"], ...transport });
  cleanup.defer(() => endpoint.close());
  const accepting = listener.incoming().then((incoming) => incoming.accept());
  const far = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: endpoint.addr.port,
    serverName: "localhost",
    caCerts: [ca],
    alpnProtocols: ["h3"],
    maxIdleTimeout: 10_000,
  });
  cleanup.defer(() => far.close());
  return { near: await accepting, far };
}

/** What a server was asked. */
export interface TestRequest {
  readonly head: RequestHead;
  readonly stream: Http3Stream;
}

/** A server at one end, the bare QUIC connection at the other. */
export async function rawClient(
  options: Partial<Http3ServerOptions> & { transport?: Deno.QuicTransportOptions } = {},
): Promise<{ server: Http3Connection; conn: Deno.QuicConn; requests: AsyncIterator<TestRequest> }> {
  const { near, far } = await quicPair(options.transport);
  const queue = new TransformStream<TestRequest, TestRequest>({}, { highWaterMark: Infinity });
  const writer = queue.writable.getWriter();
  const server = Http3Connection.serve(near, {
    onRequest: (head, stream) => void writer.write({ head, stream }),
    maxHeadBytes: 16 * 1024,
    headTimeoutMs: () => 30_000,
    clock,
    ...options,
  });
  cleanup.defer(() => server.close());
  return { server, conn: far, requests: queue.readable.values() };
}

/** HTTP/3 at both ends. */
export async function http3Pair(
  options: Partial<Http3ServerOptions> & { transport?: Deno.QuicTransportOptions } = {},
) {
  const { server, conn, requests } = await rawClient(options);
  const client = Http3Connection.connect(conn);
  cleanup.defer(() => client.close());
  return { server, client, conn, next: async () => (await requests.next()).value as TestRequest };
}

/** A request for a page. */
export const GET: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/"],
];

/** An extended CONNECT for UDP. */
export const CONNECT_UDP: readonly Field[] = [
  [":method", "CONNECT"],
  [":protocol", "connect-udp"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/.well-known/masque/udp/192.0.2.1/53/"],
];

/** A CONNECT for TCP. */
export const CONNECT: readonly Field[] = [[":method", "CONNECT"], [":authority", "db.test:5432"]];
