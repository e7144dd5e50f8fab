import type { HealthProbe } from "../config/upstream_settings.ts";
import { Http2Client } from "./_http2_client.ts";
import type { ProbeConnection } from "./_probe.ts";
import { checkStatus, defaultHost, HEALTH_CHECK_USER_AGENT } from "./_probe_http.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** Asks for a path with HTTP/2. */
export class Http2Probe implements ProbeConnection {
  readonly #client: Http2Client;
  readonly #probe: HealthProbe & { kind: "http" };
  readonly #authority: string;

  /** Nothing is sent yet. @param connection owned from now on */
  constructor({ stream, upstream }: UpstreamConnection, probe: HealthProbe & { kind: "http" }) {
    this.#client = new Http2Client(stream);
    this.#probe = probe;
    this.#authority = probe.host ?? defaultHost(upstream);
  }

  /** {@inheritDoc ProbeConnection.ask} */
  async ask(): Promise<boolean> {
    const { status } = await this.#client.request([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", this.#probe.path],
      [":authority", this.#authority],
      ["user-agent", HEALTH_CHECK_USER_AGENT],
    ], null);
    checkStatus(status, this.#probe.expectedStatuses);
    return this.#client.isOpen;
  }

  /** {@inheritDoc ProbeConnection.close} */
  close(): void {
    this.#client.close();
  }
}
