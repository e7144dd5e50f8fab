import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { ConnectionFacts } from "../base/connection.ts";
import { denoStream } from "../base/deno_stream.ts";
import { hangUp } from "../base/hang_up.ts";
import { errorMessage } from "../base/errors.ts";
import { streamWith } from "../base/stream_with.ts";
import { type ClientHello, ClientHelloDecoder } from "../codec/client_hello.ts";
import { AcceptLoop } from "./_accept_loop.ts";
import { askClient } from "./_asking_tls.ts";
import { AskingContexts } from "./_asking_contexts.ts";
import { Backend } from "./_backend.ts";
import { type Address, listenTcp } from "./_port.ts";
import { type Relay, startRelay } from "./_relay.ts";
import type { Entrance, Serving } from "./_serving.ts";
import {
  type CertificateChoice,
  type ClientCertificateRequest,
  type ClientRefusal,
  isSame,
  type ServerKeyPair,
} from "./certificate_choice.ts";

const HELLO_CHUNK_BYTES = 4 * 1024;

/**
 * Several certificates on one port, or clients that are asked for theirs: reads the ClientHello, and passes the connection
 * on to the backend with the certificate for its server name. Where a client is asked, it is spoken to here.
 */
export class FrontEntrance implements Entrance {
  readonly #serving: Serving;
  readonly #loop: AcceptLoop<Deno.TcpConn>;
  readonly #asking = new AskingContexts();
  #certificates: CertificateChoice;
  #backends: ReadonlyMap<ServerKeyPair, Backend>;
  #handshakes = 0;
  #ended = false;

  /** Starts accepting. @throws {ListenError} */
  constructor(address: Address, options: { certificates: CertificateChoice; serving: Serving }) {
    this.#serving = options.serving;
    const listener = listenTcp(address);
    try {
      this.#certificates = options.certificates;
      this.#backends = openBackends(options.certificates, { known: [], serving: options.serving });
    } catch (error) {
      listener.close();
      throw error;
    }
    this.#loop = new AcceptLoop(listener, { ...options.serving, onAccept: (conn) => void this.#serve(conn) });
  }

  get address(): Deno.NetAddr {
    return this.#loop.address;
  }

  update(certificates: CertificateChoice): boolean {
    const old = new Set(this.#backends.values());
    this.#backends = openBackends(certificates, { known: [...old], serving: this.#serving });
    this.#certificates = certificates;
    for (const backend of old.difference(new Set(this.#backends.values()))) backend.retire();
    return true;
  }

  async retire(): Promise<void> {
    await this.#loop.retire();
    this.#end();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#retireUnused();
  }

  /** Those who were accepted last still need the backends. */
  #retireUnused(): void {
    if (!this.#ended || this.#handshakes > 0) return;
    for (const backend of this.#backends.values()) backend.retire();
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const { places, unfinished, clock, handshakeTimeoutMs, log } = this.#serving;
    const release = places.take();
    const client = denoStream(conn, { detectReset: true });
    const giveUp = () => client.close();
    unfinished.add(giveUp);
    this.#handshakes++;
    const timeout = clock.timer(handshakeTimeoutMs, giveUp);
    const settled = () => {
      if (!unfinished.delete(giveUp)) return;
      timeout[Symbol.dispose]();
      this.#handshakes--;
      this.#retireUnused();
    };
    try {
      conn.setNoDelay(true);
      conn.setKeepAlive(true);
      const { hello, bytes } = await readClientHello(client);
      const admitted = await this.#admit(client, { hello, prefix: bytes, ip: conn.remoteAddr.hostname });
      settled();
      await this.#handOver(conn, { ...admitted, serverName: hello.serverName });
    } catch (error) {
      log.debug("TLS handshake failed", { ip: conn.remoteAddr.hostname, error: errorMessage(error) });
    } finally {
      settled();
      client.close();
      release();
    }
  }

  /** Finishes the handshake. */
  async #admit(
    client: ByteStream,
    { hello, prefix, ip }: { hello: ClientHello; prefix: Uint8Array; ip: string },
  ): Promise<Admitted> {
    const serverName = hello.serverName ?? "";
    const pair = this.#certificates.select(serverName);
    const request = this.#certificates.clientCertificates?.request(serverName) ?? null;
    if (request !== null) {
      const onRefused = ({ reason, certificate }: ClientRefusal) =>
        this.#serving.log.info("listener connection failure", {
          "client-certificate": certificate,
          ip,
          "tls-sni-hostname": hello.serverName,
          "downstream-transport-failure-reason": reason,
        });
      return await this.#ask(client, { request, pair, prefix, onRefused });
    }
    const backend = this.#backends.get(pair);
    if (backend === undefined) throw new TypeError("Cannot use a certificate that was not announced");
    const { tls, alpn, relay } = await backend.use(() =>
      join(client, { backend, prefix, clock: this.#serving.clock })
    );
    return {
      alpn,
      clientCertificates: null,
      open: (onClose) => joinedStream({ tls, relay, onClose }),
      closed: relay.done,
    };
  }

  async #ask(
    client: ByteStream,
    { request, pair, prefix, onRefused }: {
      request: ClientCertificateRequest;
      pair: ServerKeyPair;
      prefix: Uint8Array;
      onRefused: (refusal: ClientRefusal) => void;
    },
  ): Promise<Admitted> {
    const { admission } = request;
    const asked = askClient(client, {
      secureContext: this.#asking.get(request, pair),
      isRequired: admission !== null,
      alpn: this.#serving.alpn,
      prefix,
    });
    if (admission !== null) {
      asked.catch((error) => onRefused({ reason: errorMessage(error), certificate: null }));
    }
    const { stream, alpn, certificates } = await asked;
    try {
      const refusal = await admission?.(certificates) ?? null;
      if (refusal !== null) {
        onRefused(refusal);
        throw new Error(refusal.reason);
      }
    } catch (error) {
      await hangUp(stream);
      throw error;
    }
    const open = (onClose: () => void): ByteStream =>
      streamWith(stream, {
        close() {
          stream.close();
          onClose();
        },
      });
    return { alpn, clientCertificates: certificates, open, closed: Promise.resolve() };
  }

  /** @returns when both connections are closed */
  async #handOver(
    conn: Deno.TcpConn,
    { alpn, clientCertificates, open, closed: outerClosed, serverName }: Admitted & {
      serverName: string | null;
    },
  ): Promise<void> {
    const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
    const stream = open(onClose);
    const peer = { address: conn.remoteAddr.hostname, port: conn.remoteAddr.port };
    const { hostname: localAddress, port: localPort } = conn.localAddr;
    try {
      this.#serving.onConnection({
        facts: { peer, localAddress, localPort, alpn, serverName, clientCertificates },
        stream,
      });
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      await Promise.all([outerClosed, closed]);
    }
  }
}

/** A client whose handshake is over. */
interface Admitted extends Pick<ConnectionFacts, "alpn" | "clientCertificates"> {
  /** Its decrypted bytes. `onClose`: called when the stream is closed, perhaps more than once */
  readonly open: (onClose: () => void) => ByteStream;
  /** Settles when the connection of the client is closed, as far as the stream does not see to it. */
  readonly closed: Promise<void>;
}

/** A client whose handshake is over, on its way through a backend. */
interface Joined {
  readonly tls: Deno.TlsConn;
  readonly alpn: string | null;
  readonly relay: Relay;
}

function openBackends(
  { certificates }: CertificateChoice,
  options: { known: readonly Backend[]; serving: Serving },
): Map<ServerKeyPair, Backend> {
  const { known, serving } = options;
  const backends = new Map<ServerKeyPair, Backend>();
  const opened: Backend[] = [];
  try {
    for (const { pair } of certificates) {
      let backend = [...known, ...opened].find((one) => isSame(one.pair, pair));
      if (backend === undefined) opened.push(backend = new Backend(pair, serving));
      backends.set(pair, backend);
    }
  } catch (error) {
    for (const backend of opened) backend.retire();
    throw error;
  }
  return backends;
}

/** Reads from a client until its ClientHello is there. @throws {CodecError} when something else comes */
async function readClientHello(client: ByteStream): Promise<{ hello: ClientHello; bytes: Uint8Array }> {
  const decoder = new ClientHelloDecoder();
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(HELLO_CHUNK_BYTES);
  for (;;) {
    const count = await client.read(buffer);
    if (count === null) throw new Error("the client has ended before its ClientHello");
    const part = buffer.slice(0, count);
    parts.push(part);
    const hello = decoder.push(part);
    if (hello !== null) return { hello, bytes: concatBytes(parts) };
  }
}

/** Passes a client on to a backend. @returns once the handshake is done */
async function join(
  client: ByteStream,
  options: { backend: Backend; prefix: Uint8Array; clock: Clock },
): Promise<Joined> {
  const link = await options.backend.dial();
  const relay = startRelay(client, denoStream(link.near), options);
  const gone = relay.done.then(() => Promise.reject(new Error("the client has gone")));
  try {
    const tls = await Promise.race([link.far, gone]);
    const { alpnProtocol: alpn } = await tls.handshake();
    return { tls, alpn, relay };
  } catch (error) {
    link.forget();
    // The client is still told what was wrong.
    relay.finish();
    await relay.done;
    throw error;
  }
}

/** What is read and written inside of the connection of a client. */
function joinedStream(
  { tls, relay, onClose }: Pick<Joined, "tls" | "relay"> & { onClose: () => void },
): ByteStream {
  const stream = denoStream(tls, {
    onClose() {
      relay.finish();
      onClose();
    },
  });
  return {
    ...stream,
    async read(into) {
      const count = await stream.read(into);
      // The relay can only end the inner connection: what it knows of the client's tells an end from a reset.
      if (count === null && relay.clientBroke) {
        throw new Deno.errors.ConnectionReset("Connection reset by peer");
      }
      return count;
    },
  };
}
