import { type Context, Hono } from "hono";
import { formatAuthority } from "../../base/authority.ts";
import type { SessionRecord, UserRecord } from "../../store/store.ts";
import type { LiveTunnel } from "../../tunnel/registry.ts";
import { askAccess, askExplanation, askWhyNot } from "./ask.ts";
import { bodyText, controlFailed } from "./control_answers.ts";
import { ControlError } from "./control_error.ts";
import type { ControlServices } from "./control_services.ts";
import { createServiceAccount, revokeServiceAccount } from "./service_accounts.ts";
import { metricsText } from "./metrics.ts";

/**
 * The application on the control socket: what an administrator of this machine can see and do while the gateway runs. Who
 * may connect is up to the permissions of the socket.
 */
export function createControlApp(services: ControlServices): Hono {
  const app = new Hono();
  app.get("/status", (c) => c.json(services.status()));
  app.get("/metrics", (c) => c.text(metricsText(services)));
  app.post("/reload", async (c) => c.json(await services.reload()));
  app.post("/plan", async (c) => c.json(await services.plan(await bodyText(c))));
  app.post("/apply", async (c) => {
    const planId = c.req.query("plan") ?? null;
    return c.json(await services.apply(await bodyText(c), { planId }));
  });
  app.get("/tunnels", (c) => c.json(services.tunnels.list().map(tunnelJson)));
  app.get("/tunnels/:id", (c) => c.json(tunnelJson(findTunnel(c, services))));
  app.delete("/tunnels/:id", (c) => {
    const { id } = findTunnel(c, services);
    services.tunnels.end(id, "killed");
    return c.json({ killed: [id] });
  });
  app.get("/sessions", async (c) => c.json(await sessions(services)));
  app.delete("/sessions/:who", async (c) => c.json({ revoked: await revoke(c.req.param("who"), services) }));
  app.get("/service-accounts", async (c) => c.json(await services.serviceAccounts.list()));
  app.post(
    "/service-accounts",
    async (c) => c.json(await createServiceAccount(await bodyJson(c), services)),
  );
  app.delete(
    "/service-accounts/:id",
    async (c) => c.json(await revokeServiceAccount(c.req.param("id"), services)),
  );
  app.post("/explain", async (c) => c.json(await askExplanation(await bodyJson(c), services)));
  app.post("/who-can", async (c) => c.json(await askAccess(await bodyJson(c), services)));
  app.post("/why-not", async (c) => c.json(await askWhyNot(await bodyJson(c), services)));
  app.notFound((c) => c.json({ code: "control/not-found", error: `There is no ${c.req.path} here` }, 404));
  app.onError(controlFailed);
  return app;
}

async function bodyJson(c: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await bodyText(c));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Not JSON at all.
  }
  throw new ControlError("control/bad-request", "The request is not a JSON object");
}

function tunnelJson(tunnel: LiveTunnel) {
  const { id, protocol, routeId, target, upstreamUrl, ip, sessionId, userId, email } = tunnel;
  const { openedAt, bytesUp, bytesDown, packetsUp, packetsDown } = tunnel;
  const host = formatAuthority(target);
  return {
    id,
    protocol,
    host,
    routeId,
    upstream: upstreamUrl,
    ip,
    user: email ?? userId,
    sessionId,
    openedAt,
    bytesUp,
    bytesDown,
    ...(protocol === "udp" ? { packetsUp, packetsDown } : {}),
  };
}

/** By its id, or the beginning of it if only one tunnel's begins so. */
function findTunnel(c: Context, { tunnels }: ControlServices): LiveTunnel {
  const id = c.req.param("id") ?? "";
  const found = tunnels.list().filter((tunnel) => tunnel.id.startsWith(id));
  if (found.length === 1) return found[0]!;
  const count = found.length === 0 ? "No live tunnel has" : "Several live tunnels have";
  throw new ControlError("control/no-such-tunnel", `${count} an id that begins with ${JSON.stringify(id)}`, {
    hint: "sallyport tunnels list",
  });
}

async function sessions({ store, clock }: ControlServices) {
  const users = new Map((await store.listUsers()).map((user) => [user.id, user]));
  return (await store.listSessions(clock.now())).map((session) =>
    sessionJson(session, users.get(session.userId))
  );
}

function sessionJson(
  { id, userId, providerId, createdAt, expiresAt }: SessionRecord,
  user: UserRecord | undefined,
) {
  return { id, user: user?.name ?? userId, email: user?.email ?? null, providerId, createdAt, expiresAt };
}

/** Ends the session with this id, or every session of the user with this name, e-mail address or id. */
async function revoke(who: string, services: ControlServices): Promise<string[]> {
  const ids = (await sessions(services))
    .filter((session) => [session.id, session.user, session.email].includes(who))
    .map(({ id }) => id);
  if (ids.length === 0) {
    throw new ControlError(
      "control/no-such-session",
      `No live session has the id or the user ${JSON.stringify(who)}`,
      {
        hint: "sallyport sessions list",
      },
    );
  }
  for (const id of ids) {
    await services.store.removeSession(id);
    services.tunnels.endSession(id, "session-ended");
  }
  return ids;
}
