import { concatBytes, utf8 } from "../base/bytes.ts";
import type { HealthProbe } from "../config/upstream_settings.ts";
import { HealthCheckError } from "./health_check_error.ts";
import { Http2Client } from "./_http2_client.ts";
import type { ProbeConnection } from "./_probe.ts";
import { defaultHost, HEALTH_CHECK_USER_AGENT } from "./_probe_http.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What `grpc.health.v1.HealthCheckResponse` says in its field 1. */
const SERVING = 1;
/** Compressed flag and length before each message. */
const PREFIX_BYTES = 5;

/** Asks with the `Check` of `grpc.health.v1.Health`. */
export class GrpcProbe implements ProbeConnection {
  readonly #client: Http2Client;
  readonly #probe: HealthProbe & { kind: "grpc" };
  readonly #authority: string;

  /** Nothing is sent yet. @param connection owned from now on */
  constructor({ stream, upstream }: UpstreamConnection, probe: HealthProbe & { kind: "grpc" }) {
    this.#client = new Http2Client(stream);
    this.#probe = probe;
    this.#authority = probe.authority ?? defaultHost(upstream);
  }

  /** {@inheritDoc ProbeConnection.ask} */
  async ask(): Promise<boolean> {
    const { status: answered, headers, trailers, body } = await this.#client.request([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/grpc.health.v1.Health/Check"],
      [":authority", this.#authority],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ["user-agent", HEALTH_CHECK_USER_AGENT],
    ], checkRequest(this.#probe.serviceName));
    // An answer without message has its status in the head.
    const code = trailers.get("grpc-status") ?? headers.get("grpc-status") ?? "none";
    if (answered !== 200 || code !== "0") {
      throw new HealthCheckError("health-check/answer", `it answered with the gRPC status ${code}`);
    }
    const status = servingStatus(body.subarray(PREFIX_BYTES));
    if (status !== SERVING) {
      throw new HealthCheckError("health-check/not-serving", `it says that it does not serve (${status})`);
    }
    return this.#client.isOpen;
  }

  /** {@inheritDoc ProbeConnection.close} */
  close(): void {
    this.#client.close();
  }
}

/** `HealthCheckRequest` with the service in field 1, of at most 127 bytes. */
function checkRequest(service: string): Uint8Array {
  const name = utf8(service);
  const message = name.length === 0 ? name : concatBytes([new Uint8Array([0x0a, name.length]), name]);
  return concatBytes([new Uint8Array([0, 0, 0, 0, message.length]), message]);
}

/** Field 1 of the message; 0 when it is not there, as protocol buffers leave zeros out. */
function servingStatus(message: Uint8Array): number {
  return message[0] === 0x08 ? message[1] ?? 0 : 0;
}
