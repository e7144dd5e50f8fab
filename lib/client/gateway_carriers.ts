import { abortable } from "../base/abortable.ts";
import type { Carrier, CarrierName } from "./carrier.ts";
import type { CarrierMemory } from "./carrier_memory.ts";
import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";

/** What carriers are chosen by. */
export interface GatewayCarriersOptions {
  /** What they are to carry. */
  readonly kind: "tcp" | "udp";
  /** The gateway. */
  readonly gateway: GatewayAddress;
  /** The only one to use; `null`: the best that works. */
  readonly forced: CarrierName | null;
  /** Which are tried, the best first. */
  readonly order: readonly CarrierName[];
  /** Connects one. @throws {ClientError} when it cannot be had */
  readonly connect: (name: CarrierName, signal: AbortSignal) => Promise<Carrier>;
  /** What worked before. */
  readonly memory: CarrierMemory;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Hears which carrier is used, each time another is. */
  readonly onCarrier?: (name: CarrierName) => void;
  /** The next is tried beside one that has not answered for so long; default 400. */
  readonly headStartMs?: number;
}

/** A gateway that cannot be reached within this time is not. */
const CONNECT_TIMEOUT_MS = 20_000;

/**
 * The carrier toward a gateway: the best that works, connected when it is first needed, and again when it has died. Those
 * who ask at the same time share one.
 */
export class GatewayCarriers implements Disposable {
  readonly #options: GatewayCarriersOptions;
  #current: Carrier | null = null;
  #pending: Promise<Carrier> | null = null;
  readonly #disposed = new AbortController();

  /** Carriers toward one gateway; nothing is connected before {@link GatewayCarriers.get}. */
  constructor(options: GatewayCarriersOptions) {
    this.#options = options;
  }

  /**
   * A carrier that is open. It stays with this object, which closes it.
   *
   * @param signal gives up waiting; the attempt itself is given up when this object is disposed
   * @throws {ClientError} `client/no-carrier` when the forced one is not to be had; else why the gateway cannot be reached
   */
  async get(signal: AbortSignal): Promise<Carrier> {
    if (this.#current?.isOpen) return this.#current;
    this.#pending ??= this.#replace().finally(() => this.#pending = null);
    return await abortable(this.#pending, signal);
  }

  /** Closes the carrier, and with it the tunnels that share it. */
  [Symbol.dispose](): void {
    this.#disposed.abort();
    this.#current?.close();
  }

  async #replace(): Promise<Carrier> {
    const { signal } = this.#disposed;
    const carrier = await this.#choose(AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]));
    if (signal.aborted) {
      carrier.close();
      throw new ClientError("client/cancelled", "The way to the gateway was given up");
    }
    if (this.#current?.name !== carrier.name) this.#options.onCarrier?.(carrier.name);
    this.#current?.retire();
    return this.#current = carrier;
  }

  async #choose(signal: AbortSignal): Promise<Carrier> {
    const { gateway, forced, order, memory, now } = this.#options;
    if (forced !== null) return await this.#connect(forced, signal);
    const origin = gatewayOrigin(gateway);
    const known = await memory.recall(origin, now());
    if (known !== null && order.includes(known)) {
      try {
        return await this.#connect(known, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        await memory.forget(origin);
      }
    }
    const carrier = await this.#race(signal);
    await memory.remember(origin, carrier.name, now());
    return carrier;
  }

  /** HTTP/3 gets a head start over TLS (as RFC 8305 has it for addresses); the first that is connected wins. */
  async #race(signal: AbortSignal): Promise<Carrier> {
    const { order, headStartMs = 400 } = this.#options;
    if (!order.includes("h3")) return await this.#overTls(signal);
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const hopeless = new AbortController();
    const quic = this.#connect("h3", AbortSignal.any([either, hopeless.signal]));
    const late = Promise.race([quic.catch(() => {}), wait(headStartMs, either)]);
    const overTls = late.then(() => this.#overTls(either));
    overTls.catch((error) => isAboutCertificates(error) && hopeless.abort());
    const attempts = [quic, overTls];
    try {
      const winner = await Promise.any(attempts);
      for (const attempt of attempts) attempt.then((one) => one !== winner && one.close(), () => {});
      return winner;
    } catch (error) {
      // What TLS failed with says more: it needs less.
      throw (error as AggregateError).errors.at(-1);
    } finally {
      over.abort();
    }
  }

  /** HTTP/2, and HTTP/1.1 toward a gateway that speaks no HTTP/2, or takes no UDP over it. */
  async #overTls(signal: AbortSignal): Promise<Carrier> {
    if (!this.#options.order.includes("h2")) return await this.#connect("h1", signal);
    try {
      return await this.#connect("h2", signal);
    } catch (error) {
      if (!(error instanceof ClientError && error.code === "client/no-carrier")) throw error;
      return await this.#connect("h1", signal);
    }
  }

  async #connect(name: CarrierName, signal: AbortSignal): Promise<Carrier> {
    signal.throwIfAborted();
    const carrier = await this.#options.connect(name, signal);
    if (this.#options.kind === "tcp" || carrier.carriesUdp) return carrier;
    carrier.close();
    throw new ClientError(
      "client/no-carrier",
      `The gateway ${gatewayOrigin(this.#options.gateway)} does not take UDP over ${name}`,
      { hint: "leave --carrier out, or try --carrier h1" },
    );
  }
}

/** Whether it would be no better over QUIC. */
function isAboutCertificates(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "client/tls-untrusted" || error.code === "client/certificate-refused");
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
