import type { KeySignIns } from "../identity/key_sign_ins.ts";
import type { HttpServices } from "../http/services.ts";
import { DirectoryRecorder } from "../ssh/recording/directory_recorder.ts";
import type { Penalties } from "../ssh/penalties.ts";
import { SshReverseForwards } from "../ssh/reverse/reverse_forwards.ts";
import { SshDirectForwards } from "../ssh/routes/direct_forwards.ts";
import { SshRouteSessions } from "../ssh/routes/route_sessions.ts";
import type { SshRouteServices } from "../ssh/routes/services.ts";
import { openUserAuthority } from "../ssh/routes/user_authority.ts";
import { TunnelScreen } from "../ssh/tui/tunnel_screen.ts";
import type { SshServices } from "../ssh/services.ts";
import type { LiveServing } from "./live_serving.ts";
import type { StateDirectory } from "./state_directory.ts";

/** What the SSH server is built from. */
export interface SshParts {
  /** What it shares with HTTP. */
  readonly services: HttpServices;
  /** What is served. */
  readonly live: LiveServing;
  /** Finds out whose a key is. */
  readonly signIns: KeySignIns;
  /** Where people sign in. */
  readonly signInOrigin: () => string;
  /** Turns away hosts that keep failing. */
  readonly penalties: Penalties;
  /** Where recordings are kept that the configuration names no place for. */
  readonly state: StateDirectory;
}

/** What the SSH server works with, and who serves what its clients ask for. */
export function sshServicesOf(
  { services, live, signIns, signInOrigin, state, penalties }: SshParts,
): SshServices {
  const { store, tunnels, publications, publishers, clock, random, log, audit } = services;
  const routeServices: SshRouteServices = {
    get config() {
      return live.current.config;
    },
    get routes() {
      return live.current.routes;
    },
    get userAuthority() {
      return openUserAuthority(live.current.sshKeys!.userCaKey.pem);
    },
    get assertions() {
      return live.current.assertions;
    },
    upstreams: services.upstreams,
    instance: services.instance,
    recorder: new DirectoryRecorder({
      settings: () => live.current.config.sessionRecordings,
      defaultDirectory: state.file("recordings"),
      key: () => live.current.keys.recordings,
      clock,
      random,
      log,
      audit,
    }),
    store,
    tunnels,
    live: services.live,
    clock,
    random,
    log,
    audit,
  };
  return {
    get config() {
      return live.current.config;
    },
    get routes() {
      return live.current.routes;
    },
    signInOrigin,
    signIns,
    penalties,
    store,
    tunnels,
    live: services.live,
    clock,
    random,
    log,
    audit,
    routeSessions: new SshRouteSessions(routeServices),
    directForwards: new SshDirectForwards(routeServices),
    reverseForwards: new SshReverseForwards({
      publications,
      publishers,
      states: (route) => services.upstreams.of(route).states(),
      clock,
      random,
      audit,
    }),
    tunnelScreens: new TunnelScreen(clock),
  };
}
