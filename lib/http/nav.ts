import type { SessionFacts } from "../policy/facts.ts";
import type { Nav } from "./pages/layout.tsx";
import type { HttpServices } from "./services.ts";

/** The navigation of somebody who is signed in, on one of their pages. */
export function navOf(session: SessionFacts, services: HttpServices, here: Nav["here"]): Nav {
  const { name } = session.claims;
  const known = [name, session.email].find((text) => typeof text === "string" && text !== "");
  return { here, userName: String(known ?? session.userId), hasRoutes: services.config.routesPortal };
}
