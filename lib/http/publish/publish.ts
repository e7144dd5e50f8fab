import type { Context } from "hono";
import type { Authority } from "../../base/authority.ts";
import type { ByteStream } from "../../base/byte_stream.ts";
import { joinBoth } from "../../base/join_both.ts";
import {
  ASK_EVERY_MS,
  PUBLISH_PROTOCOL,
  PublishChannel,
  type PublishMessage,
  SILENT_MS,
} from "../../carrier/publish_channel.ts";
import type { Route } from "../../config/config.ts";
import type { Publishable } from "../../tunnel/publications.ts";
import { END_SENTENCES, type TunnelEndReason } from "../../tunnel/tunnel_end.ts";
import { authorize, entryOf, type Granted, refused, subjectOf } from "../authorize.ts";
import type { HttpEnv } from "../env.ts";
import type { HttpServices } from "../services.ts";
import type { JoinRequest } from "../siblings.ts";
import { HttpPublisher } from "./http_publisher.ts";

const METHOD = "PUBLISH";
const MAX_NAME_LENGTH = 4096;
/** So many control streams one session may have. */
const MAX_OF_SESSION = 64;

/** Who publishes over HTTP now, by the ids of connections that they were asked for. */
export type HttpPublishers = Set<HttpPublisher>;

type SignedIn = Granted & { readonly caller: Extract<Granted["caller"], { readonly kind: "session" }> };

/**
 * `sallyport publish`: with the parameter `route`, its name or `from`, asks for the control stream of a publisher; with
 * `connection` beside it, for the stream of a connection that the gateway has asked for on such a control stream. Both go
 * over to {@link PUBLISH_PROTOCOL}, by `Upgrade` or by extended CONNECT.
 */
export async function publish(
  c: Context<HttpEnv>,
  services: HttpServices,
  publishers: HttpPublishers,
): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const name = (query.get("route") ?? "").slice(0, MAX_NAME_LENGTH);
  const route = routeOf(name, services);
  const known = { method: METHOD, host: name };
  if (c.env.upgrade !== PUBLISH_PROTOCOL) return refused(c, services, { code: "http/bad-request", known });
  if (route === null) return refused(c, services, { code: "http/no-route", known });
  const policy = route.upstreamTunnel!.httpPolicy;
  const granted = await authorize(c, services, { method: METHOD, target: targetOf(route), route, policy });
  if (granted instanceof Response) return granted;
  // Whatever a policy lets everybody do, who publishes has signed in.
  if (!isSignedIn(granted)) return refused(c, services, { code: "http/denied", known: granted });
  const connection = query.get("connection");
  if (connection !== null) return await join(c, services, { publishers, granted, connection });
  const { sessionId } = granted.caller.session;
  if ([...publishers].filter((one) => one.sessionId === sessionId).length >= MAX_OF_SESSION) {
    return refused(c, services, { code: "dial/limit", known: granted });
  }
  c.env.takeOver((stream) => serve(c, services, { publishers, granted, stream }));
  return goOver(c);
}

function routeOf(name: string, { config }: HttpServices): Route | null {
  if (!config.allowsReverseTunnels || name === "") return null;
  return config.routes.find((route) =>
    route.upstreamTunnel !== null && [route.name, route.from.url].includes(name)
  ) ?? null;
}

function targetOf({ from: { destinations: [destination] } }: Route): Authority {
  const { host, port } = destination!;
  return { host, port: port ?? 443 };
}

function isSignedIn(granted: Granted): granted is SignedIn {
  return granted.caller.kind === "session";
}

function goOver(c: Context<HttpEnv>): Response {
  if (c.req.method === "CONNECT") return c.body(null, 200);
  return new Response(null, { status: 101, headers: { connection: "Upgrade", upgrade: PUBLISH_PROTOCOL } });
}

/** The publisher in this process that waits for a connection. */
export function whoExpects(
  { sessionId, connection }: JoinRequest,
  publishers: HttpPublishers,
): HttpPublisher | undefined {
  return [...publishers].find((one) => one.sessionId === sessionId && one.expects(connection));
}

/** Gives the stream to who waits for it, here or in another process. */
async function join(
  c: Context<HttpEnv>,
  services: HttpServices,
  { publishers, granted, connection }: {
    publishers: HttpPublishers;
    granted: SignedIn;
    connection: string;
  },
): Promise<Response> {
  const { sessionId } = granted.caller.session;
  const publisher = whoExpects({ sessionId, connection }, publishers);
  if (publisher !== undefined) {
    c.env.takeOver((stream) => {
      publisher.arrived(connection, stream);
      return Promise.resolve();
    });
    return goOver(c);
  }
  const elsewhere = await services.siblings?.join({ sessionId, connection }) ?? null;
  if (elsewhere === null) return refused(c, services, { code: "http/not-found", known: granted });
  c.env.takeOver((stream) => joinBoth(stream, elsewhere));
  return goOver(c);
}

/** Keeps somebody as a publisher as long as they are there and may be one. */
async function serve(
  c: Context<HttpEnv>,
  services: HttpServices,
  { publishers, granted, stream }: { publishers: HttpPublishers; granted: SignedIn; stream: ByteStream },
): Promise<void> {
  const { route, caller } = granted;
  const { publications, audit, clock, random } = services;
  const channel = new PublishChannel(stream);
  const { sessionId } = caller.session;
  const publisher = new HttpPublisher(`http:${c.get("requestId")}`, {
    sessionId,
    channel,
    random,
    ...(services.siblings === undefined ? {} : { mark: services.siblings.mark }),
  });
  const startedMs = clock.monotonic();
  const ended = c.get("tunnelOpened")();
  const { promise: withdrawn, resolve: withdraw } = Promise.withResolvers<TunnelEndReason>();
  using held = new DisposableStack();
  const publishOnce = once(() => {
    held.use(services.publishers.add(route.id, publisher));
    publishers.add(publisher);
    held.defer(() => publishers.delete(publisher));
    audit.decided({ ...entryOf(c, granted), opened: true, status: 200, error: null, upstream: publisher.id });
    channel.send({ kind: "published", protocol: route.from.protocol === "udp" ? "udp" : "tcp" });
  });
  const onRoutes = (routes: readonly Publishable[], why: TunnelEndReason) => {
    if (routes.some((one) => one.route.id === route.id)) return publishOnce();
    withdraw(publications.serves(route.id) ? why : "route-removed");
  };
  const { sessionExpiresAt } = caller;
  const { clientCertificates } = c.env.connection;
  held.use(
    publications.add({
      sessionId,
      sessionExpiresAt,
      ip: c.get("ip"),
      isActive: true,
      ssh: null,
      clientCertificates,
      onRoutes,
    }),
  );
  const gone = listen(channel, { services, onMessage: (message) => answer(publisher, message) });
  const reason = await Promise.race([gone, withdrawn]);
  held.dispose();
  publisher.close();
  if (reason !== "client-reset") channel.send({ kind: "over", reason: END_SENTENCES[reason] ?? "" });
  await channel.finish();
  const end = { ...publisher.counters, durationMs: Math.round(clock.monotonic() - startedMs) };
  audit.ended({ ...subjectOf(c, granted), ...end, reason, detail: null, upstream: publisher.id });
  ended(end);
}

function answer(publisher: HttpPublisher, message: PublishMessage): void {
  if (message.kind === "refused") publisher.refused(message.id, message.reason);
}

/** Hears what the publisher says, and asks it over and over whether it is still there. @returns when it is not */
async function listen(
  channel: PublishChannel,
  { services: { clock }, onMessage }: {
    services: HttpServices;
    onMessage: (message: PublishMessage) => void;
  },
): Promise<TunnelEndReason> {
  let heardAt = clock.monotonic();
  const ask = () => {
    if (clock.monotonic() - heardAt >= SILENT_MS) return channel.close();
    channel.send({ kind: "here" });
    timer = clock.timer(ASK_EVERY_MS, ask);
  };
  let timer = clock.timer(ASK_EVERY_MS, ask);
  try {
    await channel.receive((message) => {
      heardAt = clock.monotonic();
      onMessage(message);
    });
  } catch {
    // It is gone, however it went.
  }
  timer[Symbol.dispose]();
  return "client-reset";
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) run();
    isDone = true;
  };
}
