import { abortable } from "../base/abortable.ts";
import { type Authority, formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import type { Clock } from "../base/clock.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { denoStream } from "../base/deno_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import {
  PUBLISH_PATH,
  PUBLISH_PROTOCOL,
  PublishChannel,
  type PublishMessage,
  SILENT_MS,
} from "../carrier/publish_channel.ts";
import { tunnelFields } from "./carrier.ts";
import { ClientError } from "./client_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { openOverHttp1 } from "./http1_carrier.ts";
import { joinStreams } from "./join_streams.ts";
import { printable } from "./printable.ts";
import type { TokenSource } from "./token_source.ts";
import { dialUdpService } from "./udp_service.ts";

/** How to publish. */
export interface PublishOptions {
  /** Name of the route, or its `from`. */
  readonly route: string;
  /** Where the service is; connections go to one after the other. At least one. */
  readonly to: readonly Authority[];
  /** The gateway. */
  readonly gateway: GatewayAddress;
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** Where the session token comes from. */
  readonly tokens: TokenSource;
  /** What this program calls itself. */
  readonly userAgent: string;
  /** For how long the gateway may be silent. */
  readonly clock: Clock;
  /** Called once the service is published. */
  readonly onPublished: () => void;
  /** Hears why a connection came to nothing. */
  readonly onError: (error: unknown) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const OPEN_MS = 30_000;
const CONNECT_MS = 10_000;

/**
 * Publishes the service of a route until `signal` ends it: the gateway says who connects, and gets a stream for each.
 *
 * @throws {ClientError} why it is over: as `Carrier.openTcp`, and `client/tunnel-reset` when the gateway has ended it or is gone
 */
export async function publish(options: PublishOptions): Promise<void> {
  const { tokens, signal } = options;
  let token = await tokens.current();
  const { stream } = await openStream(options, { token }).catch(async (error) => {
    if (!(error instanceof ClientError && error.code === "client/login-required")) throw error;
    token = await tokens.renew(token);
    return await openStream(options, { token });
  });
  using publishing = new Publishing(options, { token, channel: new PublishChannel(stream) });
  await abortable(publishing.run(), signal);
}

/** Asks for a control stream, or for that of a connection. */
function openStream(
  { gateway, trust, route, userAgent, signal: over }: PublishOptions,
  { token, connection = null }: { token: string | null; connection?: string | null },
): Promise<{ stream: ByteStream }> {
  const query = new URLSearchParams({ route, ...(connection === null ? {} : { connection }) });
  const signal = AbortSignal.any([over, AbortSignal.timeout(OPEN_MS)]);
  const fields = Object.entries(tunnelFields({ token, userAgent, signal }));
  const lines = [
    `GET ${PUBLISH_PATH}?${query} HTTP/1.1`,
    `Host: ${formatAuthority(gateway)}`,
    "Connection: Upgrade",
    `Upgrade: ${PUBLISH_PROTOCOL}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  return openOverHttp1({ gateway, trust, lines, authority: route, success: 101, signal });
}

/** One control stream, and the connections that came of it. */
class Publishing implements Disposable {
  readonly #options: PublishOptions;
  readonly #token: string | null;
  readonly #channel: PublishChannel;
  readonly #over = new AbortController();
  #protocol: "tcp" | "udp" = "tcp";
  #connections = 0;
  #heardAt: number;

  constructor(
    options: PublishOptions,
    { token, channel }: { token: string | null; channel: PublishChannel },
  ) {
    this.#options = options;
    this.#token = token;
    this.#channel = channel;
    this.#heardAt = options.clock.monotonic();
  }

  /** Ends every connection, too. */
  [Symbol.dispose](): void {
    this.#over.abort();
    this.#channel.close();
  }

  async run(): Promise<never> {
    const { clock } = this.#options;
    const look = () => {
      const leftMs = this.#heardAt + SILENT_MS - clock.monotonic();
      if (leftMs <= 0) return this.#channel.close();
      timer = clock.timer(leftMs, look);
    };
    let timer = clock.timer(SILENT_MS, look);
    let why = "the gateway has closed the connection";
    try {
      await this.#channel.receive((message) => {
        this.#heardAt = clock.monotonic();
        if (message.kind === "over") why = printable(message.reason, 256) || why;
        else this.#heard(message);
      });
    } catch (error) {
      why = errorMessage(error);
    } finally {
      timer[Symbol.dispose]();
    }
    throw new ClientError("client/tunnel-reset", `${this.#options.route} is not published any more: ${why}`);
  }

  #heard(message: PublishMessage): void {
    if (message.kind === "here") this.#channel.send({ kind: "here" });
    if (message.kind === "connect") void this.#connect(message.id);
    if (message.kind !== "published") return;
    this.#protocol = message.protocol;
    this.#options.onPublished();
  }

  /** Never rejects. */
  async #connect(id: string): Promise<void> {
    const { to, onError } = this.#options;
    const target = to[this.#connections++ % to.length]!;
    try {
      await (this.#protocol === "udp" ? this.#carryUdp(id, target) : this.#carryTcp(id, target));
    } catch (error) {
      if (!this.#over.signal.aborted) onError(error);
    }
  }

  async #carryTcp(id: string, { host, port }: Authority): Promise<void> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(CONNECT_MS)]);
    const conn = await this.#orRefuse(id, Deno.connect({ hostname: host, port, signal }));
    conn.setNoDelay(true);
    const local = denoStream(conn, { detectReset: true });
    const tunnel = await this.#join(id).catch((error) => {
      local.close();
      throw error;
    });
    await joinStreams(local, tunnel, { signal: this.#over.signal });
  }

  async #carryUdp(id: string, target: Authority): Promise<void> {
    const local = await this.#orRefuse(id, dialUdpService(target));
    try {
      const tunnel = capsuleFlow(await this.#join(id));
      await abortable(joinFlows(local, tunnel), this.#over.signal).finally(() => tunnel.close());
    } finally {
      local.close();
    }
  }

  async #join(id: string): Promise<ByteStream> {
    const { stream } = await openStream(this.#options, { token: this.#token, connection: id });
    return stream;
  }

  async #orRefuse<T>(id: string, dialling: Promise<T>): Promise<T> {
    try {
      return await dialling;
    } catch (error) {
      this.#channel.send({ kind: "refused", id, reason: errorMessage(error) });
      throw error;
    }
  }
}

/** Passes datagrams on both ways until one side ends. */
async function joinFlows(local: DatagramFlow, tunnel: DatagramFlow): Promise<void> {
  const up = local.receive((payload) => void tunnel.send(payload));
  const down = tunnel.receive((payload) => void local.send(payload));
  up.catch(() => {});
  down.catch(() => {});
  await Promise.race([up, down]);
}
