import { abortable } from "../base/abortable.ts";
import type { Upstream } from "../config/config.ts";
import type { HealthCheck } from "../config/upstream_settings.ts";
import { GrpcProbe } from "./_probe_grpc.ts";
import { HttpProbe } from "./_probe_http.ts";
import { Http2Probe } from "./_probe_http2.ts";
import { TcpProbe } from "./_probe_tcp.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** Connects to the service that is checked. */
export type ProbeOpen = (options: {
  readonly alpn: readonly string[];
  readonly signal: AbortSignal;
}) => Promise<UpstreamConnection>;

/** Asks a service how it does. */
export interface Probe {
  /** Resolves when it does well. @param signal gives up @throws {SallyportError} what is wrong */
  check(signal: AbortSignal): Promise<void>;
  /** Closes a connection that was kept. */
  close(): void;
}

/** A connection to a service, for one kind of question. */
export interface ProbeConnection {
  /** Asks. @returns whether the connection can be asked again */
  ask(): Promise<boolean>;
  /** Ends it. */
  close(): void;
}

/** What a probe asks. */
export interface ProbeOptions {
  /** What is checked. */
  readonly upstream: Upstream;
  /** Connects to it. */
  readonly open: ProbeOpen;
}

/** What makes a check. */
export function probeOf({ probe, reusesConnection }: HealthCheck, options: ProbeOptions): Probe {
  switch (probe.kind) {
    case "tcp":
      return new ConnectionProbe(options, {
        reusesConnection,
        alpn: [],
        over: (c) => new TcpProbe(c, probe),
      });
    case "grpc":
      return new ConnectionProbe(options, {
        reusesConnection,
        alpn: ["h2"],
        over: (c) => new GrpcProbe(c, probe),
      });
    case "http":
      return new ConnectionProbe(options, {
        reusesConnection,
        alpn: probe.codec === "http2" ? ["h2"] : ["http/1.1"],
        over: (c) => probe.codec === "http2" ? new Http2Probe(c, probe) : new HttpProbe(c, probe),
      });
  }
}

/** How a kind of question is asked. */
interface Question {
  readonly reusesConnection: boolean;
  readonly alpn: readonly string[];
  readonly over: (connection: UpstreamConnection) => ProbeConnection;
}

/** Asks over one connection as long as it can, or over one for each time. */
class ConnectionProbe implements Probe {
  readonly #options: ProbeOptions;
  readonly #question: Question;
  #kept: ProbeConnection | null = null;

  constructor(options: ProbeOptions, question: Question) {
    this.#options = options;
    this.#question = question;
  }

  async check(signal: AbortSignal): Promise<void> {
    const kept = this.#kept;
    this.#kept = null;
    if (kept !== null) {
      // A connection that was idle may have been closed: that says nothing about the service.
      const isAnswered = await this.#ask(kept, signal).then(() => true, () => false);
      if (isAnswered || signal.aborted) return signal.throwIfAborted();
    }
    const connection = await this.#options.open({ alpn: this.#question.alpn, signal });
    await this.#ask(this.#question.over(connection), signal);
  }

  async #ask(connection: ProbeConnection, signal: AbortSignal): Promise<void> {
    try {
      const canGoOn = await abortable(connection.ask(), signal);
      if (canGoOn && this.#question.reusesConnection) this.#kept = connection;
      else connection.close();
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  close(): void {
    this.#kept?.close();
    this.#kept = null;
  }
}
