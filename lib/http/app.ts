import { type Context, Hono } from "hono";
import { SallyportError } from "../base/errors.ts";
import { UDP_TARGET_PREFIX } from "../codec/masque_target.ts";
import { accessLog } from "./access_log.ts";
import { altSvc } from "./alt_svc.ts";
import { refuse } from "./answers.tsx";
import { backchannelLogout } from "./backchannel_logout.ts";
import { callback } from "./callback.ts";
import { connect } from "./connect.ts";
import { connectUdp } from "./connect_udp.ts";
import type { HttpEnv } from "./env.ts";
import { finishProviderSignIn, receiveProviderForm } from "./oidc_callback.ts";
import { revokeIdentityBinding, revokeSessionBinding } from "./key_bindings.ts";
import { isKeySignIn, showKeySignIn, submitKeySignIn } from "./key_sign_in.tsx";
import { ICON } from "./pages/icon.ts";
import { STYLE } from "./pages/style.ts";
import { routesJson, showRoutes } from "./portal.tsx";
import { httpRouteOf, refuseTarget, serveHttp } from "./forward/serve_http.ts";
import { ServiceClients } from "./forward/service_client.ts";
import { PUBLISH_PATH } from "../carrier/publish_channel.ts";
import { type HttpPublishers, publish } from "./publish/publish.ts";
import { programmaticLogin } from "./programmatic_login.ts";
import { cleanTarget } from "./request_path.ts";
import { isReserved } from "./reserved_paths.ts";
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
  ["/.pomerium/sign_in", {
    GET: (c, services) => isKeySignIn(c) ? showKeySignIn(c, services) : showSignIn(c, services),
    POST: (c, services) => isKeySignIn(c) ? submitKeySignIn(c, services) : submitSignIn(c, services),
  }],
  ["/.pomerium/session_binding_info", { GET: showSessions, POST: null }],
  ["/.pomerium/session_binding/revoke", { GET: null, POST: revokeSessionBinding }],
  ["/.pomerium/identity_binding/revoke", { GET: null, POST: revokeIdentityBinding }],
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
 * @param options `clients`: speak with the services of HTTP routes; default: some whose connections close when they are idle; `publishers`: those over HTTP are kept there
 */
export function createApp(
  services: HttpServices,
  { clients = new ServiceClients(), publishers = new Set() }: {
    clients?: ServiceClients;
    publishers?: HttpPublishers;
  } = {},
): Hono<HttpEnv> {
  const targetOf = ({ env }: { env: HttpEnv["Bindings"] }) =>
    cleanTarget(env.requestTarget, services.config.http);
  const app = new Hono<HttpEnv>({
    strict: true,
    // What is looked at here is what routes are found for and services get.
    getPath: (_request, options) => {
      if (options?.env === undefined || options.env.connectTarget !== null) return "/";
      const target = targetOf({ env: options.env });
      return target.kind === "refused" ? "/" : target.path;
    },
  });
  const { log, clock } = services;
  app.use(
    requestId({ trustedHops: () => services.config.http.trustedHops }),
    accessLog({ fields: () => services.config.accessLogFields, log, clock }),
    securityHeaders(),
    altSvc(services),
  );
  app.all("*", (c, next) => c.env.upgrade === "connect-udp" ? connectUdp(c, services) : next());
  // Without the upgrade it is no request for a tunnel (RFC 9298 section 3.2).
  app.all(`${UDP_TARGET_PREFIX}*`, (c) => refuse(c, "http/bad-request"));
  app.on("CONNECT", "*", (c, next) => c.env.connectTarget === null ? next() : connect(c, services));
  app.use(async (c, next) => {
    const target = targetOf(c);
    if (target.kind === "refused") return refuseTarget(c, target);
    if (target.kind === "redirect") return c.redirect(target.path + target.query, 307);
    const request = isReserved(c, services, target.path) ? null : httpRouteOf(c, services, target);
    return request === null ? await next() : await serveHttp(c, services, { ...request, clients });
  });
  for (const [path, handlers] of ENDPOINTS) {
    const { GET, POST } = handlers;
    if (GET !== null) app.get(path, (c) => GET(c, services));
    if (POST !== null) app.post(path, (c) => POST(c, services));
    const allow = [GET && "GET, HEAD", POST && "POST"].filter(Boolean).join(", ");
    app.all(path, (c) => refuse(c, "http/method-not-allowed", { headers: { allow } }));
  }
  app.on(["GET", "CONNECT"], PUBLISH_PATH, (c) => publish(c, services, publishers));
  app.get("/", (c) => c.redirect("/.pomerium/", 302));
  app.notFound((c) => refuse(c, "http/not-found"));
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
