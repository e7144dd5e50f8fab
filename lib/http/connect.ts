import type { Context } from "hono";
import { type Authority, AuthorityError, parseAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { CodecError } from "../codec/codec_error.ts";
import type { AuditSubject } from "../observe/audit.ts";
import type { TunnelFacts, TunnelLimits } from "../tunnel/registry.ts";
import { splice } from "../tunnel/splice.ts";
import type { TunnelEnd } from "../tunnel/tunnel_end.ts";
import { DialError } from "../upstream/dial_error.ts";
import type { UpstreamConnection } from "../upstream/upstream_connection.ts";
import { authorize, entryOf, type Granted, refused, subjectOf } from "./authorize.ts";
import type { HttpEnv, TakeOver } from "./env.ts";
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
  c.env.takeOver(carrier(services, {
    facts: tunnelFacts(c, granted, connection.upstream),
    limits: tunnelLimits(services, granted),
    mark: granted.mark,
    service: connection.stream,
    subject: { ...subjectOf(c, granted), upstream },
    ended: c.get("tunnelOpened")(),
  }));
  return c.body(null, 200);
}

/** What is known of a request whose tunnel is about to open. */
interface Opened {
  readonly facts: TunnelFacts;
  readonly limits: TunnelLimits;
  readonly mark: number;
  readonly service: ByteStream;
  readonly subject: AuditSubject & { readonly upstream: string };
  readonly ended: (end: TunnelEnd) => void;
}

function carrier(
  { tunnels, live, audit, log }: HttpServices,
  { facts, limits, mark, service, subject, ended }: Opened,
): TakeOver {
  return (client) => {
    const running = tunnels.run(facts, { move: (moving) => splice(client, service, moving), limits });
    // The session or the policy may have changed while the service was dialled.
    if (live.mark !== mark) void live.recheck(facts.id);
    noteEnd(running, { audit, log, subject, ended });
  };
}

/** In a function of its own, so that nothing else of the request is kept for as long as the tunnel is open. */
function noteEnd(
  running: Promise<TunnelEnd>,
  { audit, log, subject, ended }: Pick<Opened, "subject" | "ended"> & Pick<HttpServices, "audit" | "log">,
): void {
  running.then((end) => {
    audit.ended({ ...subject, ...end });
    ended(end);
  }).catch((error) =>
    log.error("the end of a tunnel was not written down", {
      "request-id": subject.requestId,
      error: errorMessage(error),
    })
  );
}
