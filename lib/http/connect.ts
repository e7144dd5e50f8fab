import type { Context } from "hono";
import { type Authority, AuthorityError, parseAuthority } from "../base/authority.ts";
import { CodecError } from "../codec/codec_error.ts";
import { splice } from "../tunnel/splice.ts";
import { DialError } from "../upstream/dial_error.ts";
import type { UpstreamConnection } from "../upstream/upstream_connection.ts";
import { authorize, entryOf, type Granted, refused, subjectOf } from "./authorize.ts";
import type { HttpEnv } from "./env.ts";
import { proxyHeader } from "./proxy_header.ts";
import { routingKey } from "./routing_key.ts";
import type { HttpServices } from "./services.ts";
import { tunnelFacts, tunnelLimits } from "./tunnel_facts.ts";
import { viaOf } from "./via.ts";

const METHOD = "CONNECT";

/**
 * CONNECT (RFC 9110 section 9.3.6), over every version of HTTP alike: parses the destination, finds its route, decides, and
 * opens the tunnel. Whatever the outcome, the trail has a line for it.
 */
export async function connect(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const target = parseTarget(c.env.connectTarget!);
  if (target instanceof AuthorityError) {
    const known = { method: METHOD, host: c.env.connectTarget! };
    return refused(c, services, { code: target.code, known });
  }
  const route = services.routes.match("tcp", target);
  const answer = await authorize(c, services, { method: METHOD, target, route });
  return answer instanceof Response ? answer : await open(c, services, answer);
}

function parseTarget(text: string): Authority | AuthorityError {
  try {
    return parseAuthority(text);
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}

async function open(c: Context<HttpEnv>, services: HttpServices, granted: Granted): Promise<Response> {
  const via = viaOf(c, services);
  if (via === null) return refused(c, services, { code: "http/loop", known: granted });
  let connection: UpstreamConnection;
  try {
    const preface = await proxyHeader(c, services, granted);
    connection = await services.upstreams.of(granted.route).connect(granted.grant, {
      hashKey: routingKey(c, granted.caller),
      preface,
      proxy: { target: granted.route.preserveHostHeader ? granted.target : null, via },
    });
  } catch (error) {
    if (error instanceof CodecError) {
      services.log.error("PROXY header not written", {
        "request-id": c.get("requestId"),
        error: error.message,
      });
      return refused(c, services, { code: "http/internal", known: granted });
    }
    if (!(error instanceof DialError)) throw error;
    services.log.warn("upstream not reached", { "request-id": c.get("requestId"), error: error.message });
    return refused(c, services, { code: error.code, known: granted, upstream: error.address });
  }
  const { address: upstream } = connection;
  services.audit.decided({ ...entryOf(c, granted), opened: true, status: 200, error: null, upstream });
  const ended = c.get("tunnelOpened")();
  c.env.takeOver(async (client) => {
    const running = services.tunnels.run(
      tunnelFacts(c, granted, connection.upstream),
      {
        move: (live) => splice(client, connection.stream, live),
        limits: tunnelLimits(services, granted),
      },
    );
    // The session or the policy may have changed while the service was dialled.
    if (services.live.mark !== granted.mark) void services.live.recheck(c.get("requestId"));
    const end = await running;
    services.audit.ended({ ...subjectOf(c, granted), ...end, upstream });
    ended(end);
  });
  return c.body(null, 200);
}
