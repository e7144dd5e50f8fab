import type { SshSigner } from "../../codec/ssh_signer.ts";
import type { Route } from "../../config/config.ts";
import type { Assertions } from "../../identity/assertion.ts";
import type { UpstreamPool } from "../../upstream/upstream_pool.ts";
import type { SessionRecorder } from "../handlers.ts";
import type { SshServices } from "../services.ts";

/** What routes of SSH work with. */
export interface SshRouteServices extends
  Pick<
    SshServices,
    "config" | "routes" | "store" | "tunnels" | "live" | "clock" | "random" | "log" | "audit"
  > {
  /** The services of a route. */
  readonly upstreams: { of(route: Route): UpstreamPool };
  /** Signs certificates for the servers behind `ssh://` routes, as it is now. */
  readonly userAuthority: SshSigner;
  /** Signs what services are told about callers, as it is now. */
  readonly assertions: Pick<Assertions, "sign">;
  /** What this gateway calls itself toward proxies. */
  readonly instance: string;
  /** Records sessions; `null`: nothing does, and sessions that have to be recorded do not begin. */
  readonly recorder: SessionRecorder | null;
}
