import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { formatAuthority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { errorMessage } from "../base/errors.ts";
import { ClientError } from "./client_error.ts";
import { formatListenAddress } from "./listen_address.ts";

/** What to do with the datagrams of local programs. */
export interface UdpListenerOptions<Flow extends DatagramFlow> {
  /** Opens the tunnel of one local peer; the listener closes it. */
  readonly open: (signal: AbortSignal) => Promise<Flow>;
  /** Hears why a peer got no tunnel, or lost it. */
  readonly onError: (error: unknown) => void;
  /** Hears that the other end has ended a tunnel. */
  readonly onEnd?: (flow: Flow) => void;
  /** For the idle limit. */
  readonly clock: Clock;
  /** Stops listening when aborted. */
  readonly signal: AbortSignal;
  /** The tunnel of a peer is closed after so long without a datagram either way; default 120,000. */
  readonly idleTimeoutMs?: number;
  /** Peers at once; one more takes the place of the one that has been quiet for longest. Default 1024. */
  readonly maxPeers?: number;
}

/** A UDP port of this machine behind which there is a tunnel for each local peer. */
export interface UdpListener {
  /** `host:port` that it listens on. */
  readonly address: string;
  /** Peers that have a tunnel, or are getting one. */
  readonly peers: number;
  /** Settles when `signal` has ended everything; never rejects. */
  readonly finished: Promise<void>;
}

const IDLE_TIMEOUT_MS = 120_000;
const MAX_PEERS = 1024;
/** What a peer sends before its tunnel is open waits for it, within these bounds. */
const MAX_EARLY = 16;
const MAX_EARLY_BYTES = 64 * 1024;

/**
 * Listens on a UDP port of this machine. Each local address and port that sends there gets a tunnel of its own, and the
 * answers; none waits for another. The `signal` of the options closes it.
 *
 * @throws {ClientError} `client/cannot-listen`
 */
export async function listenUdp<Flow extends DatagramFlow>(
  at: { readonly hostname: string; readonly port: number },
  options: UdpListenerOptions<Flow>,
): Promise<UdpListener> {
  const socket = await bind(at);
  const peers = new Peers(socket, options);
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const stop = () => {
    peers[Symbol.dispose]();
    socket.close(() => resolve());
  };
  socket.on("message", (payload, { address, port }) => peers.receive(payload, { address, port }));
  socket.on("error", options.onError);
  if (options.signal.aborted) stop();
  else options.signal.addEventListener("abort", stop, { once: true });
  const { address, port } = socket.address();
  return {
    address: formatListenAddress({ hostname: address, port }),
    get peers() {
      return peers.size;
    },
    finished,
  };
}

function bind({ hostname, port }: { readonly hostname: string; readonly port: number }): Promise<Socket> {
  const socket = createSocket({ type: isIP(hostname) === 6 ? "udp6" : "udp4" });
  return new Promise((resolve, reject) => {
    socket.once("error", (cause) => {
      const message = `Cannot listen on ${formatListenAddress({ hostname, port })}: ${errorMessage(cause)}`;
      const hint = "choose another port with --listen, or 127.0.0.1:0 for a free one";
      reject(new ClientError("client/cannot-listen", message, { cause, hint }));
    });
    socket.bind(port, hostname, () => resolve(socket.removeAllListeners("error")));
  });
}

interface LocalAddress {
  readonly address: string;
  readonly port: number;
}

/** Those who have sent something lately, the one that has been quiet for longest first. */
class Peers<Flow extends DatagramFlow> implements Disposable {
  readonly #socket: Socket;
  readonly #options: UdpListenerOptions<Flow>;
  readonly #peers = new Map<string, Peer<Flow>>();
  readonly #sweep: { timer: Disposable };

  constructor(socket: Socket, options: UdpListenerOptions<Flow>) {
    this.#socket = socket;
    this.#options = options;
    const { clock, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
    const stepMs = Math.ceil(idleTimeoutMs / 8);
    const run = () => {
      this.#closeIdle(idleTimeoutMs);
      this.#sweep.timer = clock.timer(stepMs, run);
    };
    this.#sweep = { timer: clock.timer(stepMs, run) };
  }

  get size(): number {
    return this.#peers.size;
  }

  receive(payload: Uint8Array, from: LocalAddress): void {
    if (this.#options.signal.aborted) return;
    const key = formatAuthority({ host: from.address, port: from.port });
    const peer = this.#peers.get(key) ?? this.#add(key, from);
    // Keeps the order of the map that of the last use.
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    peer.send(payload);
  }

  [Symbol.dispose](): void {
    this.#sweep.timer[Symbol.dispose]();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #add(key: string, to: LocalAddress): Peer<Flow> {
    if (this.#peers.size >= (this.#options.maxPeers ?? MAX_PEERS)) {
      const [quietest, peer] = this.#peers.entries().next().value!;
      this.#peers.delete(quietest);
      peer.close();
    }
    const socket = this.#socket;
    const peer: Peer<Flow> = new Peer({
      ...this.#options,
      deliver: (payload) => socket.send(payload.slice(), to.port, to.address, () => {}),
      onGone: () => this.#peers.get(key) === peer && this.#peers.delete(key),
    });
    return peer;
  }

  #closeIdle(idleTimeoutMs: number): void {
    const before = this.#options.clock.monotonic() - idleTimeoutMs;
    for (const [key, peer] of this.#peers) {
      if (peer.usedAt > before) continue;
      this.#peers.delete(key);
      peer.close();
    }
  }
}

/** One local address and port, and its tunnel. */
class Peer<Flow extends DatagramFlow> {
  /** On the monotonic clock. */
  usedAt: number;
  readonly #options: PeerOptions<Flow>;
  readonly #closed = new AbortController();
  #flow: Flow | null = null;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;

  constructor(options: PeerOptions<Flow>) {
    this.#options = options;
    this.usedAt = options.clock.monotonic();
    void this.#run();
  }

  send(payload: Uint8Array): void {
    this.usedAt = this.#options.clock.monotonic();
    if (this.#flow !== null) {
      this.#flow.send(payload);
      return;
    }
    const isFull = this.#early.length >= MAX_EARLY || this.#earlyBytes + payload.length > MAX_EARLY_BYTES;
    if (isFull) return;
    this.#early.push(payload.slice());
    this.#earlyBytes += payload.length;
  }

  close(): void {
    this.#closed.abort();
    this.#flow?.close();
  }

  async #run(): Promise<void> {
    const { open, deliver, onGone, onEnd, onError, clock } = this.#options;
    const { signal } = this.#closed;
    try {
      const flow = await open(signal);
      this.#flow = flow;
      if (signal.aborted) return flow.close();
      const received = flow.receive((payload) => {
        this.usedAt = clock.monotonic();
        deliver(payload);
      });
      for (const payload of this.#early.splice(0)) flow.send(payload);
      await received;
      if (!signal.aborted) onEnd?.(flow);
    } catch (error) {
      if (!signal.aborted) onError(error);
    } finally {
      this.#flow?.close();
      onGone();
    }
  }
}

type PeerOptions<Flow extends DatagramFlow> =
  & Pick<UdpListenerOptions<Flow>, "open" | "onError" | "onEnd" | "clock">
  & { readonly deliver: (payload: Uint8Array) => void; readonly onGone: () => void };
