import { createHash, randomBytes } from "node:crypto";
import type { Context } from "hono";
import { plainAddress } from "../../base/ip.ts";
import { errorMessage } from "../../base/errors.ts";
import type { Http1AnswerHead } from "../../codec/http1_answer_head.ts";
import { Http1Body } from "../../codec/http1_body.ts";
import type { MovingTunnel } from "../../tunnel/registry.ts";
import { splice } from "../../tunnel/splice.ts";
import type { TunnelEndReason } from "../../tunnel/tunnel_end.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { PooledConnection } from "../../upstream/upstream_pool.ts";
import { altSvcFor } from "../alt_svc.ts";
import { entryOf, refused, subjectOf } from "../authorize.ts";
import type { HttpEnv } from "../env.ts";
import type { Exchange, RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import { routingKey } from "../routing_key.ts";
import type { HttpServices } from "../services.ts";
import type { AnswerCode } from "../status.ts";
import { tunnelFacts, tunnelLimits } from "../tunnel_facts.ts";
import { viaOf } from "../via.ts";
import type { Forwarded } from "./forward_request.ts";
import { type Handshake, shakeHands } from "./_shake_hands.ts";
import { identityOf } from "./identity.ts";
import { requestHeaders } from "./request_headers.ts";
import { responseHeaders } from "./response_headers.ts";
import { serviceHost, servicePath } from "./service_target.ts";

/** What WebSocket appends to a key before it hashes it (RFC 6455 section 1.3). */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * A request to go over to another protocol, by `Upgrade` (RFC 9110 section 7.8) or by extended CONNECT (RFC 8441): asks the
 * service by HTTP/1.1. When it agrees, the rest is a tunnel.
 */
export async function serveUpgrade(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: Forwarded,
): Promise<Response> {
  const { granted } = options;
  const fail = (code: AnswerCode, upstream: string | null = null) =>
    refused(c, services, { code, known: granted, upstream });
  if (!granted.route.http!.upgrades.has(c.env.upgrade!)) return fail("http/upgrade-refused");
  const via = viaOf(c, services);
  if (via === null) return fail("http/loop");
  let connection: PooledConnection | null = null;
  try {
    connection = await services.upstreams.of(granted.route).connect(granted.grant, {
      hashKey: routingKey(c, granted.caller),
      alpn: ["http/1.1"],
    });
    const key = c.env.upgrade === "websocket" && c.req.method === "CONNECT"
      ? randomBytes(16).toString("base64")
      : null;
    const fields = await fieldsFor(c, services, { ...options, connection, via, key });
    if (fields === null) {
      connection.stream.close();
      return fail("http/bad-request");
    }
    const handshake = await shakeHands(connection.stream, { ...fields, method: methodOf(c) });
    if (handshake.head.status !== 101) return passOn(c, services, { ...options, ...handshake, connection });
    if (!agrees(handshake.head, c, key)) {
      connection.stream.close();
      return fail("http/service-broken", connection.address);
    }
    return carry(c, services, { ...options, ...handshake, connection });
  } catch (error) {
    connection?.stream.close();
    services.log.warn("service gave no answer", {
      "request-id": c.get("requestId"),
      error: errorMessage(error),
    });
    if (error instanceof DialError) return fail(error.code, error.address);
    return fail(error instanceof RangeError ? "http/bad-request" : "http/service-broken");
  }
}

function methodOf(c: Context<HttpEnv>): string {
  return c.req.method === "CONNECT" ? "GET" : c.req.method;
}

/** @returns `null` when what was made of the request to stand in `Host` is no host */
async function fieldsFor(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: Forwarded & { connection: PooledConnection; via: string; key: string | null },
): Promise<{ path: string; headers: string[] } | null> {
  const { granted, target, host, connection, via, key } = options;
  const { config } = services;
  const { http } = granted.route;
  const identity = await identityOf(c, services, granted);
  const named = serviceHost(http!, {
    upstream: connection.upstream,
    host,
    path: target.path,
    header: (name) => c.req.header(name) ?? null,
  });
  if (named === null) return null;
  const headers = requestHeaders({
    received: [...c.req.raw.headers].flat(),
    http: http!,
    hygiene: config.http,
    cookieName: config.cookie.name,
    host,
    peer: plainAddress(c.env.connection.peer.address),
    requestId: c.get("requestId"),
    via,
    identityNames: identity.names,
    identity: identity.fields,
    set: identity.set,
  });
  return {
    path: servicePath(http!, target),
    headers: [
      ...["Host", named, ...headers, "Connection", "Upgrade", "Upgrade", c.env.upgrade!],
      ...(key === null ? [] : ["Sec-WebSocket-Key", key]),
    ],
  };
}

/** Whether the service went over to what it was asked for. */
function agrees({ fields, upgrade }: Http1AnswerHead, c: Context<HttpEnv>, key: string | null): boolean {
  if (upgrade !== c.env.upgrade) return false;
  const accept = key === null ? null : createHash("sha1").update(key + WEBSOCKET_GUID).digest("base64");
  return accept === null || valueOf(fields, "sec-websocket-accept") === accept;
}

function valueOf(fields: RawHeaders, wanted: string): string | undefined {
  return fieldPairs(fields).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

type Answered = Forwarded & Handshake & { connection: PooledConnection };

/** The service answers as if it had not been asked for another protocol, as when it refuses. */
function passOn(
  c: Context<HttpEnv>,
  services: HttpServices,
  { granted, head, input, connection }: Answered,
): Response {
  const { status } = head;
  // A client of extended CONNECT would take a 200 for a yes.
  if (c.req.method === "CONNECT" && status < 300) {
    connection.stream.close();
    return refused(c, services, {
      code: "http/service-broken",
      known: granted,
      upstream: connection.address,
    });
  }
  services.audit.decided({
    ...entryOf(c, granted),
    opened: false,
    status,
    error: null,
    upstream: connection.address,
  });
  const ended = c.get("tunnelOpened")();
  const headers = headersFor(c, services, { granted, head });
  c.env.forward(async (exchange) => {
    // It may go on for ever, such as server-sent events.
    const running = services.tunnels.run(tunnelFacts(c, granted, connection.upstream), {
      move: ({ counters, signal }) =>
        copyAnswer(exchange, { counters, signal, head, input, headers, connection }),
      limits: tunnelLimits(services, granted),
    });
    if (services.live.mark !== granted.mark) void services.live.recheck(c.get("requestId"));
    const end = await running;
    connection.stream.close();
    services.audit.ended({ ...subjectOf(c, granted), ...end, upstream: connection.address });
    ended({ ...end, status });
  });
  return c.body(null, 200);
}

type Copying = Pick<MovingTunnel, "counters" | "signal"> & Handshake & {
  headers: string[];
  connection: PooledConnection;
};

async function copyAnswer(
  exchange: Exchange,
  { head, input, headers, connection, counters, signal }: Copying,
): Promise<TunnelEndReason> {
  const over = AbortSignal.any([signal, exchange.signal]);
  const stop = () => connection.stream.close();
  over.addEventListener("abort", stop, { once: true });
  try {
    over.throwIfAborted();
    const body = new Http1Body(head.framing);
    exchange.respond({ status: head.status, headers, isLast: false });
    for (let chunk = await input.read(body); chunk !== null; chunk = await input.read(body)) {
      await exchange.write(chunk);
      counters.bytesDown += chunk.length;
    }
    over.throwIfAborted();
    await exchange.end([]);
    return "completed";
  } catch {
    exchange.abort();
    if (signal.aborted) return signal.reason;
    return exchange.signal.aborted ? "client-reset" : "upstream-reset";
  } finally {
    over.removeEventListener("abort", stop);
  }
}

function headersFor(
  c: Context<HttpEnv>,
  services: HttpServices,
  { granted, head }: Pick<Answered, "granted" | "head">,
): string[] {
  return responseHeaders(head.fields, {
    http: granted.route.http!,
    cookieName: services.config.cookie.name,
    requestId: c.get("requestId"),
    altSvc: altSvcFor(c, services),
  });
}

/** The service agreed: what follows is a tunnel. */
function carry(
  c: Context<HttpEnv>,
  services: HttpServices,
  { granted, head, input, connection }: Answered,
): Response {
  const isConnect = c.req.method === "CONNECT";
  const status = isConnect ? 200 : 101;
  const upstream = connection.address;
  services.audit.decided({ ...entryOf(c, granted), opened: true, status, error: null, upstream });
  const ended = c.get("tunnelOpened")();
  c.env.takeOver(async (client) => {
    const running = services.tunnels.run(tunnelFacts(c, granted, connection.upstream), {
      move: (live) => splice(client, input.detach(connection.stream), live),
      limits: tunnelLimits(services, granted),
    });
    if (services.live.mark !== granted.mark) void services.live.recheck(c.get("requestId"));
    const end = await running;
    services.audit.ended({ ...subjectOf(c, granted), ...end, upstream });
    ended({ ...end, status });
  });
  const headers = new Headers();
  for (const [name, value] of fieldPairs(headersFor(c, services, { granted, head }))) {
    // Both belong to the handshake of HTTP/1.1 (RFC 8441 section 5.1).
    if (isConnect && /^(?:sec-websocket-accept|content-length)$/i.test(name)) continue;
    headers.append(name, value);
  }
  if (!isConnect) {
    headers.set("connection", "Upgrade");
    headers.set("upgrade", valueOf(head.fields, "upgrade")!);
  }
  return new Response(null, { status, headers });
}
