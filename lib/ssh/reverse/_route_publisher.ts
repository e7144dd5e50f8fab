import { abortable } from "../../base/abortable.ts";
import type { ByteStream } from "../../base/byte_stream.ts";
import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import { streamWith } from "../../base/stream_with.ts";
import { CodecError } from "../../codec/codec_error.ts";
import type { Route, Upstream } from "../../config/config.ts";
import { DialError } from "../../upstream/dial_error.ts";
import { publishedTarget } from "../../upstream/published_target.ts";
import type { PublishedFor, Publisher } from "../../upstream/publishers.ts";
import type { SshClient } from "../handlers.ts";
import type { ConnectionLog, LoggedConnection } from "./_connection_log.ts";
import { forwardedStream, guardedFromSocks } from "./_forwarded_stream.ts";
import { socksConnect } from "./_socks_connect.ts";
import { dynamicForm, isDynamic, staticForm, type WantedForward } from "./wanted_forward.ts";

/** A `-R` that was granted. */
export interface GrantedForward extends WantedForward {
  /** The port that the client knows it by. */
  readonly port: number;
  /** Whether a connection through it has ever been what it should be; then the client cannot have meant something else. */
  hasWorked: boolean;
  /** Whether the client was told what it should have meant. */
  isCorrected: boolean;
}

/** What a route is published with. */
export interface RoutePublisherOptions {
  /** Of the publisher. */
  readonly id: string;
  /** The route. */
  readonly route: Route;
  /** What asks for it. */
  readonly forward: GrantedForward;
  /** The client. */
  readonly client: SshClient;
  /** Where connections are noted. */
  readonly log: ConnectionLog;
  /** For connections on which nobody says anything. */
  readonly clock: Clock;
}

/** Health checks come from the gateway. */
const GATEWAY_IP = "127.0.0.1";
/** How long somebody may take to answer in SOCKS who should have expected it. */
const SOCKS_MS = 5000;
/** How long nobody may say anything on a connection before the client is told what that might come from. */
const SILENCE_MS = 10_000;

/** Publishes one route through one `-R` of an SSH client. */
export class RoutePublisher implements Publisher {
  /** {@inheritDoc Publisher.id} */
  readonly id: string;
  /** {@inheritDoc Publisher.followsRoute} */
  readonly followsRoute: boolean;
  /** What was moved so far, toward the service and from it. */
  readonly counters = { bytesUp: 0, bytesDown: 0 };
  readonly #options: RoutePublisherOptions;
  readonly #open = new Set<ByteStream>();

  /** Opens nothing by itself. */
  constructor(options: RoutePublisherOptions) {
    this.#options = options;
    this.id = options.id;
    this.followsRoute = isDynamic(options.forward);
  }

  /** The `-R` that it goes through. */
  get forward(): GrantedForward {
    return this.#options.forward;
  }

  /** {@inheritDoc Publisher.onHealth} */
  onHealth(): void {
    this.#options.log.changed();
  }

  /** {@inheritDoc Publisher.open} */
  async open(
    upstream: Upstream,
    { for: whom, signal }: { readonly for: PublishedFor; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    const stream = await this.#openChannel(whom, signal);
    try {
      if (!this.followsRoute) return this.#watchEnd(guardedFromSocks(stream));
      return await this.#connect(stream, { upstream, signal });
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /** Whether a connection goes through it. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  /** Closes every connection. */
  closeAll(): void {
    for (const stream of this.#open) stream.close();
  }

  async #openChannel({ ip, path }: PublishedFor, signal: AbortSignal): Promise<ByteStream> {
    const { client, forward, route, log } = this.#options;
    const opening = client.openForwarded({
      boundAddr: forward.bindAddr,
      boundPort: forward.port,
      originIp: ip ?? GATEWAY_IP,
      originPort: 0,
    });
    // Nobody waits for it any more.
    opening.then((channel) => signal.aborted && channel.destroy(), () => {});
    const channel = await abortable(opening, signal).catch((cause) => {
      if (signal.aborted) throw cause;
      const message = `The SSH client did not connect to the service: ${errorMessage(cause)}`;
      throw new DialError("dial/refused", message, { cause });
    });
    const connection = log.opened({ hostname: route.from.destinations[0]!.host, path, client: ip });
    const stream = forwardedStream(channel, {
      gone: client.closed,
      onSent: (count) => this.#moved(connection, { rx: count }),
      onReceived: (count) => this.#moved(connection, { tx: count }),
      onClose: () => {
        this.#open.delete(stream);
        log.closed(connection);
      },
    });
    this.#open.add(stream);
    return stream;
  }

  #moved(connection: LoggedConnection, { rx = 0, tx = 0 }: { rx?: number; tx?: number }): void {
    connection.rxBytes += rx;
    connection.txBytes += tx;
    this.counters.bytesUp += rx;
    this.counters.bytesDown += tx;
    this.#options.log.changed();
  }

  async #connect(
    stream: ByteStream,
    { upstream, signal }: { upstream: Upstream; signal: AbortSignal },
  ): Promise<ByteStream> {
    const target = publishedTarget(upstream);
    if (target.host === "") {
      throw new DialError("dial/unsupported-scheme", `An SSH client cannot be sent to ${upstream.url}`);
    }
    const late = AbortSignal.timeout(SOCKS_MS);
    try {
      const either = AbortSignal.any([signal, late]);
      const connected = await abortable(socksConnect(stream, target), either);
      this.forward.hasWorked = true;
      return connected;
    } catch (error) {
      if (error instanceof CodecError || late.aborted) this.#correct();
      if (error instanceof DialError) {
        this.forward.hasWorked = true;
        throw error;
      }
      const message = `The SSH client did not say whether it connects to ${upstream.url}: ${
        errorMessage(error)
      }`;
      throw new DialError("dial/failed", message, { cause: error });
    }
  }

  /** A client that expects SOCKS ends a connection as soon as something else comes, and waits for ever when nothing does. */
  #watchEnd(stream: ByteStream): ByteStream {
    let hasSent = false;
    let hasReceived = false;
    const silence = this.#options.clock.timer(SILENCE_MS, () => hasSent || this.#suspect());
    return streamWith(stream, {
      read: async (into) => {
        const count = await stream.read(into).finally(() => silence[Symbol.dispose]());
        if (count !== null) hasReceived = this.forward.hasWorked = true;
        else if (hasSent && !hasReceived) this.#correct();
        return count;
      },
      write: async (bytes) => {
        hasSent = true;
        await stream.write(bytes);
      },
      close: () => {
        silence[Symbol.dispose]();
        stream.close();
      },
    });
  }

  /** Tells once what it may come from that a service says nothing, which perhaps speaks first. */
  #suspect(): void {
    const { forward, route } = this.#options;
    if (forward.hasWorked || forward.isCorrected) return;
    forward.isCorrected = true;
    const { bindAddr, bindPort } = forward;
    this.#tell(
      `Nothing was said for ${
        SILENCE_MS / 1000
      } seconds on a connection through -R ${bindAddr}:${bindPort}. If ssh ` +
        `was given no address of yours, add it: ${staticForm(route)}, or use port 0: ${dynamicForm(route)}`,
    );
  }

  /** Tells once what the `-R` should have been, if it has never worked. */
  #correct(): void {
    const { forward, route } = this.#options;
    if (forward.hasWorked || forward.isCorrected) return;
    forward.isCorrected = true;
    const { bindAddr, bindPort } = forward;
    const text = this.followsRoute
      ? `-R ${bindAddr}:0 connects to what the route names, and takes no address of yours, as ssh seems to have been ` +
        `given. Leave it out: ${dynamicForm(route)}, or name the route: ${staticForm(route)}`
      : `-R ${bindAddr}:${bindPort} connects to one address of yours, and ssh seems to have been given none. ` +
        `Add it: ${staticForm(route)}, or use port 0: ${dynamicForm(route)}`;
    this.#tell(text);
  }

  #tell(text: string): void {
    const { log, client } = this.#options;
    log.say("warn", text);
    // Who runs ssh -N -v sees no page.
    client.showMessage(text);
  }
}
