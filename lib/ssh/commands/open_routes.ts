import type { Route } from "../../config/config.ts";
import { decideSsh } from "../authorize.ts";
import type { SshLogin } from "../handlers.ts";
import type { SshServices } from "../services.ts";

/** The routes of one kind that are open to a login, as it is now, in the order of the configuration. */
export function openRoutesOf(
  login: SshLogin,
  { protocol, services }: { protocol: "ssh" | "tcp"; services: SshServices },
): readonly Route[] {
  return services.config.routes.filter((route) =>
    route.from.protocol === protocol && "grant" in decideSsh(login, { route, services })
  );
}

/** What follows the login name to get to a route: its host. `null` when it has none that could be typed. */
export function typedName({ from }: Route): string | null {
  const host = from.destinations[0]?.host ?? "*";
  return host.includes("*") ? null : host;
}
