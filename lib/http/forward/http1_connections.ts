import type { ByteStream } from "../../base/byte_stream.ts";
import type { Grant } from "../../policy/grant.ts";
import type { UpstreamConnection } from "../../upstream/upstream_connection.ts";
import { Http1Input } from "../http1_input.ts";
import { Http1Output } from "../http1_output.ts";

/** Connects to the service; rejects with a `DialError`. */
export type Connect = (grant: Grant) => Promise<UpstreamConnection>;

/** A connection without a request is closed after so long, as soon as somebody looks, which is every few seconds. */
const IDLE_MS = 30_000;
const SWEEP_MS = 5000;
const MAX_IDLE_CONNECTIONS = 64;

/** A connection of HTTP/1.1 to a service, for one request at a time. */
export class ServiceConnection {
  /** What comes. */
  readonly input: Http1Input;
  /** What goes. */
  readonly output: Http1Output;
  /** Whether it has served another request before. */
  isReused = false;
  /** Since when it waits for a request, in milliseconds of `performance.now()`; `null` while it has one. */
  idleSince: number | null = null;
  readonly #stream: ByteStream;
  #isClosed = false;

  /** Nothing is sent or read yet. @param stream closed with the connection */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.input = new Http1Input(stream);
    this.output = new Http1Output(stream);
  }

  /** Whether it was closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Closes it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.close();
  }
}

/** Keeps the HTTP/1.1 connections to one service. */
export class Http1Connections {
  readonly #connect: Connect;
  readonly #keeps: boolean;
  readonly #idle: ServiceConnection[] = [];
  #sweeper: ReturnType<typeof setTimeout> | null = null;

  /** Opens nothing before the first request. @param options `keeps`: whether a connection serves more than one request */
  constructor(connect: Connect, { keeps = true }: { keeps?: boolean } = {}) {
    this.#connect = connect;
    this.#keeps = keeps;
  }

  /** The connection that was used last; `null` when none is kept. Whoever takes it releases or closes it. */
  take(): ServiceConnection | null {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      connection.idleSince = null;
      if (connection.input.length === 0) return connection;
      connection.close();
    }
    return null;
  }

  /** Opens another, which the caller releases or closes. @throws {DialError} */
  async open(grant: Grant): Promise<ServiceConnection> {
    return new ServiceConnection((await this.#connect(grant)).stream);
  }

  /** Takes a connection back whose request is answered, whole on either side. */
  release(connection: ServiceConnection): void {
    // What comes unasked could be taken for the answer to the next request.
    const isUsable = this.#keeps && connection.input.length === 0 && !connection.isClosed;
    if (!isUsable || this.#idle.length >= MAX_IDLE_CONNECTIONS) return connection.close();
    connection.isReused = true;
    connection.idleSince = performance.now();
    connection.input.rest();
    this.#idle.push(connection);
    const drop = () => connection.idleSince !== null && this.#drop(connection);
    connection.input.fill().then(drop, drop);
    this.#sweepLater();
  }

  #drop(connection: ServiceConnection): void {
    connection.close();
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#idle.length > 0 || this.#sweeper === null) return;
    clearTimeout(this.#sweeper);
    this.#sweeper = null;
  }

  #sweepLater(): void {
    if (this.#sweeper !== null) return;
    this.#sweeper = setTimeout(() => {
      this.#sweeper = null;
      const longAgo = performance.now() - IDLE_MS;
      for (const connection of this.#idle.filter(({ idleSince }) => idleSince! <= longAgo)) {
        this.#drop(connection);
      }
      if (this.#idle.length > 0) this.#sweepLater();
    }, SWEEP_MS);
    Deno.unrefTimer(this.#sweeper);
  }
}
