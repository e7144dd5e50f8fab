import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import type { KeySignIns } from "../identity/key_sign_ins.ts";
import type { AuditTrail } from "../observe/audit.ts";
import type { Log } from "../observe/log.ts";
import type { Store } from "../store/store.ts";
import type { LiveAuthorization } from "../tunnel/live_authorization.ts";
import type { TunnelRegistry } from "../tunnel/registry.ts";
import type { Penalties } from "./penalties.ts";
import type { DirectForwards, ReverseForwards, RouteSessions, TunnelScreens } from "./handlers.ts";

/** What the SSH server works with. The gateway builds it once. */
export interface SshServices {
  /** As it is now. */
  readonly config: Config;
  /** Finds the route of a name, as they are now. */
  readonly routes: RouteTable;
  /** Where people sign in, such as `https://gateway.example.com`. */
  readonly signInOrigin: () => string;
  /** Finds out whose a key is. */
  readonly signIns: KeySignIns;
  /** Keeps sessions and bindings. */
  readonly store: Store;
  /** Runs and ends tunnels. */
  readonly tunnels: TunnelRegistry;
  /** Has a tunnel decided anew when something changed since its decision. */
  readonly live: Pick<LiveAuthorization, "mark" | "recheck">;
  /** Turns away hosts that keep failing; default: some of the server's own. */
  readonly penalties?: Penalties;
  /** Time. */
  readonly clock: Clock;
  /** For the ids of connections. */
  readonly random: Random;
  /** Where the program says what it does. */
  readonly log: Log;
  /** Where sign-ins and sessions are written down. */
  readonly audit: AuditTrail;
  /** The servers behind routes; `null`: they cannot be reached. */
  readonly routeSessions: RouteSessions | null;
  /** Other tunnels that clients ask for; `null`: none. */
  readonly directForwards: DirectForwards | null;
  /** Publishes services; `null`: nothing can be published. */
  readonly reverseForwards: ReverseForwards | null;
  /** The terminal page of who publishes; `null`: there is none. */
  readonly tunnelScreens: TunnelScreens | null;
}
