import { formatAuthority } from "../base/authority.ts";
import { utf8 } from "../base/bytes.ts";
import { readResponseHead, type ResponseHead } from "../carrier/response_head.ts";
import type { HealthProbe } from "../config/upstream_settings.ts";
import { HealthCheckError } from "./health_check_error.ts";
import type { ProbeConnection } from "./_probe.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** With a longer body the connection is not used again. */
const MAX_BODY_BYTES = 64 * 1024;

/** Asks for a path with HTTP/1.1. */
export class HttpProbe implements ProbeConnection {
  readonly #connection: UpstreamConnection;
  readonly #probe: HealthProbe & { kind: "http" };

  /** Nothing is sent yet. @param connection owned from now on */
  constructor(connection: UpstreamConnection, probe: HealthProbe & { kind: "http" }) {
    this.#connection = connection;
    this.#probe = probe;
  }

  /** {@inheritDoc ProbeConnection.ask} */
  async ask(): Promise<boolean> {
    const { stream, upstream } = this.#connection;
    const { path, host, expectedStatuses } = this.#probe;
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host ?? defaultHost(upstream)}`,
      `User-Agent: ${HEALTH_CHECK_USER_AGENT}`,
    ];
    await stream.write(utf8(`${lines.join("\r\n")}\r\n\r\n`));
    const head = await readResponseHead(stream);
    checkStatus(head.status, expectedStatuses);
    return await this.#drain(head);
  }

  /** Reads the body. @returns whether its end was found, and another request can follow */
  async #drain({ headers, rest }: ResponseHead): Promise<boolean> {
    const length = headers.get("content-length") ?? "";
    if (headers.get("connection")?.toLowerCase() === "close" || !/^\d{1,6}$/.test(length)) return false;
    if (headers.has("transfer-encoding") || Number(length) > MAX_BODY_BYTES) return false;
    const into = new Uint8Array(4096);
    let left = Number(length) - rest.length;
    while (left > 0) {
      const count = await this.#connection.stream.read(into.subarray(0, Math.min(left, into.length)));
      if (count === null) return false;
      left -= count;
    }
    return left === 0;
  }

  /** {@inheritDoc ProbeConnection.close} */
  close(): void {
    this.#connection.stream.close();
  }
}

/** What the gateway calls itself when it checks. */
export const HEALTH_CHECK_USER_AGENT = "Sallyport-HealthCheck";

/** The host that a service is asked for if none is configured. */
export function defaultHost({ host, port }: { host: string; port: number }): string {
  return host === "" ? "localhost" : formatAuthority({ host, port });
}

/** Refuses a status that is in none of the ranges. @throws {HealthCheckError} `health-check/status` */
export function checkStatus(status: number, ranges: readonly (readonly [number, number])[]): void {
  if (ranges.some(([from, to]) => status >= from && status < to)) return;
  throw new HealthCheckError("health-check/status", `it answered with ${status}`);
}
