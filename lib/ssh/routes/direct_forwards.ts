import { type Authority, AuthorityError, formatAuthority, parseAuthority } from "../../base/authority.ts";
import { errorMessage, SallyportError } from "../../base/errors.ts";
import { randomId } from "../../base/random.ts";
import type { Route } from "../../config/config.ts";
import { splice } from "../../tunnel/splice.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { PooledConnection } from "../../upstream/upstream_pool.ts";
import {
  decideSsh,
  noteDecision,
  SSH_REFUSAL_SENTENCES,
  type SshRefusalCode,
  type SshWanted,
  subjectOf,
  tunnelFactsOf,
  tunnelLimitsOf,
} from "../authorize.ts";
import { channelStream } from "../channel_stream.ts";
import type { DirectForwards, SshGranted, SshLogin } from "../handlers.ts";
import { proxyHeaderFor } from "./_proxy_header.ts";
import type { SshRouteServices } from "./services.ts";

type Request = Parameters<DirectForwards["open"]>[1];

const METHOD = "DIRECT-TCPIP";
/** The port that an SSH client asks for when it was told no other. */
const SSH_PORT = 22;
const ID_BYTES = 4;
/** What the trail shows of a destination that is none, in characters. */
const MAX_SHOWN = 253;

const STATUS: Readonly<Record<SshRefusalCode, number>> = {
  "ssh/no-route": 404,
  "ssh/wrong-key": 403,
  "ssh/unauthenticated": 401,
  "ssh/other-client": 403,
  "ssh/denied": 403,
};

/**
 * Tunnels on a connection without route: to the server of an `ssh://` route by its name, whatever the port (the jump host), and
 * to every TCP route by the destination that it answers to. The policy of the route decides, as for every other tunnel.
 */
export class SshDirectForwards implements DirectForwards {
  readonly #services: Omit<SshRouteServices, "userAuthority" | "recorder">;

  /** Nothing is reached before it is asked for. */
  constructor(services: Omit<SshRouteServices, "userAuthority" | "recorder">) {
    this.#services = services;
  }

  /** See {@link DirectForwards.open}. */
  async open(login: SshLogin, request: Parameters<DirectForwards["open"]>[1]): Promise<void> {
    const id = `${login.connectionId}-${randomId(this.#services.random, ID_BYTES)}`;
    try {
      await this.#open(login, { ...request, id });
    } catch (error) {
      this.#services.log.error("SSH tunnel failed", { "request-id": id, error: errorMessage(error) });
      request.reject(`Internal error, request id ${id}`);
    }
  }

  async #open(login: SshLogin, request: Request & { id: string }): Promise<void> {
    const services = this.#services;
    const target = targetOf(request);
    if (target instanceof AuthorityError) {
      const asked = { host: request.host.slice(0, MAX_SHOWN), port: request.port };
      const wanted = { method: METHOD, target: asked, route: null, id: request.id };
      const refusal = { opened: false, status: 400, error: target.code, upstream: null };
      noteDecision(login, { wanted, services, decision: null, ...refusal });
      return request.reject("The destination is not a host and a port");
    }
    const route = this.#routeTo(target);
    const wanted = { method: METHOD, target, route, id: request.id };
    const decided = decideSsh(login, { route, services });
    const note = { wanted, services, decision: decided.decision };
    if ("code" in decided) {
      const { code } = decided;
      noteDecision(login, { ...note, opened: false, status: STATUS[code], error: code, upstream: null });
      return request.reject(SSH_REFUSAL_SENTENCES[code]);
    }
    // What is sent from end to end nobody can record.
    if (decided.route.from.protocol === "ssh" && decided.route.isRecorded) {
      noteDecision(login, { ...note, opened: false, status: 403, error: "ssh/not-recorded", upstream: null });
      return request.reject("Sessions of the route are recorded: use ssh user@route@gateway");
    }
    let connection: PooledConnection;
    try {
      connection = await this.#dial(login, { wanted, granted: decided });
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      const upstream = error instanceof DialError ? error.address : null;
      noteDecision(login, { ...note, opened: false, status: 503, error: error.code, upstream });
      services.log.warn("upstream not reached", { "request-id": request.id, error: error.message });
      return request.reject(`The service cannot be reached (${error.code}, request id ${request.id})`);
    }
    if (request.client.closed.aborted) return connection.stream.close();
    noteDecision(login, { ...note, opened: true, status: 200, error: null, upstream: connection.address });
    await this.#run(login, {
      wanted: { ...wanted, route: decided.route },
      granted: decided,
      connection,
      request,
    });
  }

  /** Port 22 asks for a server by the name of its route first, any other for a TCP route. */
  #routeTo(target: Authority): Route | null {
    const { routes } = this.#services;
    const [first, second] = target.port === SSH_PORT ? ["ssh", "tcp"] as const : ["tcp", "ssh"] as const;
    return routes.match(first, target) ?? routes.match(second, target);
  }

  async #dial(
    login: SshLogin,
    { wanted, granted: { route, grant } }: { wanted: SshWanted; granted: SshGranted },
  ): Promise<PooledConnection> {
    const { upstreams, instance } = this.#services;
    const hashKey = login.caller.session.sessionId;
    if (route.from.protocol === "ssh") return await upstreams.of(route).connect(grant, { hashKey });
    const preface = await proxyHeaderFor(login, { wanted, route, services: this.#services });
    const target = route.preserveHostHeader ? wanted.target : null;
    const proxy = { target, via: `SSH/2.0 ${instance}` };
    return await upstreams.of(route).connect(grant, { hashKey, preface, proxy });
  }

  async #run(
    login: SshLogin,
    { wanted, granted, connection, request }: {
      wanted: SshWanted & { route: Route };
      granted: SshGranted;
      connection: PooledConnection;
      request: Request & { id: string };
    },
  ): Promise<void> {
    const { tunnels, live, audit, clock } = this.#services;
    const client = channelStream(request.accept());
    const running = tunnels.run(
      tunnelFactsOf(login, { ...wanted, upstreamUrl: connection.upstream.url }),
      {
        move: (moving) => splice(client, connection.stream, moving),
        limits: tunnelLimitsOf(login, granted.route),
      },
    );
    // The session or the policy may have changed while the service was dialled.
    if (live.mark !== granted.mark) void live.recheck(request.id);
    // A certificate that ends is no change of anything that is watched.
    const validBefore = login.ssh.certificate?.validBefore ?? Infinity;
    using _expiry = validBefore === Infinity
      ? null
      : clock.timer(Math.max(0, validBefore - clock.now()), () => void live.recheck(request.id));
    const end = await running;
    audit.ended({ ...subjectOf(login, wanted), ...end, upstream: connection.address });
  }
}

/** Where to, or why that is nowhere. An IPv6 address comes without brackets (RFC 4254 section 7.2). */
function targetOf({ host, port }: Request): Authority | AuthorityError {
  try {
    return parseAuthority(formatAuthority({ host: host.replace(/^\[(.*)\]$/, "$1"), port }));
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}
