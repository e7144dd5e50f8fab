import { type Context, Hono } from "hono";
import { SallyportError } from "../base/errors.ts";
import { accessLog } from "./access_log.ts";
import { refuse } from "./answers.tsx";
import { backchannelLogout } from "./backchannel_logout.ts";
import { callback } from "./callback.ts";
import { connect } from "./connect.ts";
import type { HttpEnv } from "./env.ts";
import { finishProviderSignIn, receiveProviderForm } from "./oidc_callback.ts";
import { ICON } from "./pages/icon.ts";
import { STYLE } from "./pages/style.ts";
import { routesJson, showRoutes } from "./portal.tsx";
import { programmaticLogin } from "./programmatic_login.ts";
import { requestId } from "./request_id.ts";
import { securityHeaders } from "./security_headers.ts";
import type { HttpServices } from "./services.ts";
import { showSessions, submitSessions } from "./sessions.tsx";
import { showSignIn, submitSignIn } from "./sign_in.tsx";
import { programmaticLogout, showSignedOut, showSignOut, submitSignOut } from "./sign_out.tsx";
import { type AnswerCode, STATUS } from "./status.ts";
import { tunnelEnd } from "./tunnel_end.ts";
import { showUser, userClaimsJson } from "./user_info.tsx";
import { discovery, health, jwks } from "./well_known.ts";

type Handler = (c: Context<HttpEnv>, services: HttpServices) => Response | Promise<Response>;

/** Every address of the gateway itself, on every host name it is reached by. */
const ENDPOINTS: readonly [path: string, handlers: Readonly<Record<"GET" | "POST", Handler | null>>][] = [
  ["/ping", { GET: health, POST: null }],
  ["/healthz", { GET: health, POST: null }],
  ["/.well-known/pomerium", { GET: discovery, POST: null }],
  ["/.well-known/pomerium/", { GET: discovery, POST: null }],
  ["/.well-known/pomerium/jwks.json", { GET: jwks, POST: null }],
  ["/.pomerium", { GET: showUser, POST: null }],
  ["/.pomerium/", { GET: showUser, POST: null }],
  ["/.pomerium/routes", { GET: showRoutes, POST: null }],
  ["/.pomerium/sessions", { GET: showSessions, POST: submitSessions }],
  ["/.pomerium/api/v1/routes", { GET: routesJson, POST: null }],
  ["/.pomerium/user", { GET: userClaimsJson, POST: null }],
  ["/.pomerium/sign_in", { GET: showSignIn, POST: submitSignIn }],
  ["/oauth2/callback", { GET: finishProviderSignIn, POST: receiveProviderForm }],
  ["/.pomerium/backchannel_logout", { GET: null, POST: backchannelLogout }],
  ["/.pomerium/callback", { GET: callback, POST: null }],
  ["/.pomerium/callback/", { GET: callback, POST: null }],
  ["/.pomerium/sign_out", { GET: showSignOut, POST: submitSignOut }],
  ["/.pomerium/signed_out", { GET: showSignedOut, POST: null }],
  ["/.pomerium/api/v1/login", { GET: programmaticLogin, POST: null }],
  ["/.pomerium/api/v1/logout", { GET: null, POST: programmaticLogout }],
  ["/.pomerium/api/v1/tunnels/:id", { GET: tunnelEnd, POST: null }],
  ["/.pomerium/style.css", { GET: style, POST: null }],
  ["/.pomerium/icon.svg", { GET: icon, POST: null }],
];

/**
 * The application: every request of every carrier goes through it, CONNECT included.
 *
 * @param services what it works with; the application owns none of it
 */
export function createApp(services: HttpServices): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>({ strict: true });
  const { log, clock } = services;
  app.use(
    requestId(),
    accessLog({ fields: () => services.config.accessLogFields, log, clock }),
    securityHeaders(),
  );
  app.on("CONNECT", "*", (c) => connect(c, services));
  for (const [path, handlers] of ENDPOINTS) {
    const { GET, POST } = handlers;
    if (GET !== null) app.get(path, (c) => GET(c, services));
    if (POST !== null) app.post(path, (c) => POST(c, services));
    const allow = [GET && "GET, HEAD", POST && "POST"].filter(Boolean).join(", ");
    app.all(path, (c) => refuse(c, "http/method-not-allowed", { headers: { allow } }));
  }
  app.get("/", (c) => c.redirect("/.pomerium/", 302));
  app.notFound((c) => refuse(c, notFoundCode(c, services)));
  app.onError((error, c) => {
    const code = codeOf(error);
    log[STATUS[code].status === 500 ? "error" : "warn"]("request failed", {
      "request-id": c.get("requestId"),
      error: error.message,
    });
    return refuse(c, code);
  });
  return app;
}

/** A host that an HTTP route names exists, though nothing is served there yet. */
function notFoundCode(c: Context<HttpEnv>, services: HttpServices): AnswerCode {
  const url = new URL(c.req.url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 443 : Number(url.port);
  return services.routes.match("http", { host, port }) === null ? "http/not-found" : "http/not-served";
}

function codeOf(error: Error): AnswerCode {
  if (!(error instanceof SallyportError)) return "http/internal";
  if (error.code === "identity/busy") return "http/busy";
  return Object.hasOwn(STATUS, error.code) ? error.code as AnswerCode : "http/internal";
}

function style(c: Context<HttpEnv>): Response {
  return asset(c, { text: STYLE, type: "text/css; charset=utf-8" });
}

function icon(c: Context<HttpEnv>): Response {
  return asset(c, { text: ICON, type: "image/svg+xml" });
}

function asset(c: Context<HttpEnv>, { text, type }: { text: string; type: string }): Response {
  c.header("cache-control", "public, max-age=3600");
  return c.body(text, 200, { "content-type": type });
}
