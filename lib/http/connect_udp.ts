import type { Context } from "hono";
import { type Authority, AuthorityError, parseAuthority } from "../base/authority.ts";
import { parseUdpTarget } from "../codec/masque_target.ts";
import { relayUdp } from "../tunnel/relay_udp.ts";
import type { UdpPermit } from "../tunnel/udp_limiter.ts";
import { DialError } from "../upstream/dial_error.ts";
import { dialUdp, type UdpUpstream } from "../upstream/dial_udp.ts";
import { authorize, entryOf, type Granted, refused, subjectOf } from "./authorize.ts";
import type { HttpEnv } from "./env.ts";
import { routingKey } from "./routing_key.ts";
import type { HttpServices } from "./services.ts";
import { tunnelFacts, tunnelLimits } from "./tunnel_facts.ts";
import { udpClient } from "./udp_client.ts";
import { viaOf } from "./via.ts";

const METHOD = "CONNECT-UDP";
/** Fields that no message with capsules has (RFC 9297 section 3.2). */
const FRAMING = ["content-length", "content-type", "transfer-encoding"] as const;

/**
 * CONNECT-UDP (RFC 9298), over every version of HTTP alike: parses the destination in the path, finds its route, decides, and
 * opens the tunnel. Whatever the outcome, the trail has a line for it.
 */
export async function connectUdp(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const path = pathOf(c.env.requestTarget);
  const target = parseTarget(path);
  if (target instanceof AuthorityError) {
    return refused(c, services, { code: target.code, known: { method: METHOD, host: path } });
  }
  const isMalformed = !["GET", "CONNECT"].includes(c.req.method) ||
    FRAMING.some((name) => c.req.header(name) !== undefined);
  if (isMalformed) {
    return refused(c, services, { code: "http/bad-request", known: { method: METHOD, target } });
  }
  const route = services.routes.match("udp", target);
  const answer = await authorize(c, services, { method: METHOD, target, route });
  return answer instanceof Response ? answer : await open(c, services, answer);
}

/** Of a request target in origin-form or in absolute-form (RFC 9112 section 3.2). */
function pathOf(requestTarget: string): string {
  return requestTarget.replace(/^https?:\/\/[^/?#]*/i, "");
}

function parseTarget(path: string): Authority | AuthorityError {
  try {
    return parseUdpTarget(path);
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}

async function open(c: Context<HttpEnv>, services: HttpServices, granted: Granted): Promise<Response> {
  const { caller, route } = granted;
  const via = viaOf(c, services);
  if (via === null) return refused(c, services, { code: "http/loop", known: granted });
  const user = caller.kind === "session" ? caller.session.userId : c.get("ip");
  const permit = services.udp.admit({ user, routeId: route.id });
  if (typeof permit === "string") return refused(c, services, { code: permit, known: granted });
  let service: UdpUpstream;
  try {
    const { mtuBytes } = services.config.udpLimits;
    const hashKey = routingKey(c, caller);
    service = await dialUdp(granted.grant, services.upstreams.of(route), {
      hashKey,
      mtuBytes,
      proxy: { target: route.preserveHostHeader ? granted.target : null, via },
      onDrop: permit.lost,
    });
  } catch (error) {
    permit[Symbol.dispose]();
    if (!(error instanceof DialError)) throw error;
    services.log.warn("upstream not reached", { "request-id": c.get("requestId"), error: error.message });
    return refused(c, services, { code: error.code, known: granted, upstream: error.address });
  }
  return serve(c, services, { granted, permit, service });
}

function serve(
  c: Context<HttpEnv>,
  services: HttpServices,
  { granted, permit, service }: { granted: Granted; permit: UdpPermit; service: UdpUpstream },
): Response {
  const { address: upstream } = service;
  const { status, headers } = answerOf(c, granted.target);
  services.audit.decided({ ...entryOf(c, granted), opened: true, status, error: null, upstream });
  const ended = c.get("tunnelOpened")();
  c.env.takeOver(async (stream, ownDatagrams) => {
    using tunnel = permit;
    const client = udpClient(stream, ownDatagrams);
    const running = services.tunnels.run(tunnelFacts(c, granted, service.upstream), {
      move: async (live) => {
        const reason = await relayUdp(client.flow, service.flow, {
          counters: live.counters,
          signal: live.signal,
          permit: tunnel,
        });
        await client.end(reason);
        return reason;
      },
      limits: tunnelLimits(services, granted),
    });
    // The session or the policy may have changed while the name of the service was looked up.
    if (services.live.mark !== granted.mark) void services.live.recheck(c.get("requestId"));
    const end = await running;
    const datagrams = { up: end.packetsUp, down: end.packetsDown, dropped: tunnel.dropped };
    services.audit.ended({ ...subjectOf(c, granted), ...end, upstream, datagrams });
    ended(end);
  });
  return c.newResponse(null, { status, headers });
}

/**
 * How a tunnel is granted. The existing command-line client, which names the UDP destination as the host of its request,
 * reads a 200 whose body goes on until the connection ends; every other client of HTTP/1.1 reads a 101 (RFC 9298 section 3.3).
 */
function answerOf(c: Context<HttpEnv>, target: Authority) {
  const capsules = { "capsule-protocol": "?1" };
  if (c.req.method === "CONNECT") return { status: 200, headers: capsules } as const;
  if (isHost(c.req.header("host") ?? "", target)) {
    return { status: 200, headers: { ...capsules, connection: "close" } } as const;
  }
  return { status: 101, headers: { ...capsules, connection: "Upgrade", upgrade: "connect-udp" } } as const;
}

function isHost(text: string, { host, port }: Authority): boolean {
  try {
    const named = parseAuthority(text);
    return named.host === host && named.port === port;
  } catch (error) {
    if (error instanceof AuthorityError) return false;
    throw error;
  }
}
