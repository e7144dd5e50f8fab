import { once } from "node:events";
import tls from "node:tls";
import { afterEach, beforeAll, beforeEach } from "vitest";
import type { Connection } from "../../lib/base/connection.ts";
import type { CertificateChoice, ServerKeyPair } from "../../lib/listen/certificate_choice.ts";
import { ListenError } from "../../lib/listen/listen_error.ts";
import { type Acceptor, acceptTls, type TlsAcceptorOptions } from "../../lib/listen/tls_acceptor.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { ManualClock } from "../_support/manual_clock.ts";

export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The test worker opens so many itself, when it likes. */
export const WORKER_DESCRIPTORS = 2;

/** Certificates for `a.test` and `b.test`, each for `localhost` too. */
export let pairs: { a: ServerKeyPair; b: ServerKeyPair };
export let ca: string;
export let clock: ManualClock;
/** What was handed over. */
export let connections: Connection[];
/** Messages that were logged to be debugged. */
export let complaints: string[];
export let cleanup: AsyncDisposableStack;

/** Makes all of the above anew for each test of a file. */
export function useAcceptors(): void {
  beforeAll(async () => {
    const now = Date.now();
    const authority = await createAuthority({ now, commonName: "Test authority" });
    ca = authority.certPem;
    const pair = (name: string) => issueServerCertificate({ authority, names: [name, "localhost"], now });
    pairs = { a: await pair("a.test"), b: await pair("b.test") };
  });

  beforeEach(() => {
    clock = new ManualClock();
    connections = [];
    complaints = [];
    cleanup = new AsyncDisposableStack();
  });

  afterEach(cleanUp);
}

/** Closes everything that the test has opened so far. */
export async function cleanUp(): Promise<void> {
  const opened = cleanup;
  cleanup = new AsyncDisposableStack();
  await opened.disposeAsync();
}

/** One certificate for every name. */
export function only(pair: ServerKeyPair): CertificateChoice {
  return { certificates: [{ pair }], select: () => pair };
}

/** The second of two for `b.test`, the first for every other name. */
export function either({ a, b }: { a: ServerKeyPair; b: ServerKeyPair } = pairs): CertificateChoice {
  return { certificates: [{ pair: a }, { pair: b }], select: (name) => name === "b.test" ? b : a };
}

export function listen(options: Partial<TlsAcceptorOptions> = {}): Acceptor {
  const [handedOver, heard] = [connections, complaints];
  const acceptor = acceptTls({
    hostname: "127.0.0.1",
    port: 0,
    certificates: either(),
    alpn: ["h2", "http/1.1"],
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    maxConnections: 1000,
    onConnection: (connection) => void handedOver.push(connection),
    clock,
    log: { ...silentLog, debug: (message) => void heard.push(message) },
    ...options,
  });
  cleanup.use(acceptor);
  cleanup.defer(() => handedOver.forEach(({ stream }) => stream.close()));
  return acceptor;
}

/** The code of the error that a call ends with. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ListenError) return error.code;
    throw error;
  }
  return "no error";
}

/** A client that has finished its handshake, or the error it ended with. */
export async function connect(
  { port }: { port: number },
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: "localhost", ca, ...options });
  cleanup.defer(() => void socket.destroy());
  socket.on("error", () => {});
  const failed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
  failed.catch(() => {});
  await Promise.race([once(socket, "secureConnect"), failed]);
  return socket;
}

export async function dialPlain({ port }: { port: number }): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  cleanup.defer(() => {
    try {
      conn.close();
    } catch {
      // The test has closed it.
    }
  });
  return conn;
}

/** Waits for the other side to end or reset the connection. */
export async function hungUp(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // A reset is an end as well.
  }
}

/** The name in the certificate that a client is shown. */
export async function shown(acceptor: { port: number }, servername: string): Promise<unknown> {
  const socket = await connect(acceptor, { servername, checkServerIdentity: () => undefined });
  return socket.getPeerCertificate().subject.CN;
}

/** A way to the target that can be made to break: a program that is killed with bytes unread resets its connections. */
export function resettableProxy(target: { port: number }): { port: number; reset: () => void } {
  const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  cleanup.use(proxy);
  let far: Deno.TcpConn | undefined;
  void (async () => {
    const near = await proxy.accept();
    far = await dialPlain(target);
    void near.readable.pipeTo(far.writable).catch(() => {});
    const buffer = new Uint8Array(16 * 1024);
    // The session tickets that come after the handshake stay unread: closing resets.
    const count = (await far.read(buffer))!;
    await near.write(buffer.subarray(0, count));
  })();
  return { port: proxy.addr.port, reset: () => far!.close() };
}
