// @ts-types="@types/ssh2"
import type { ServerChannel, Session } from "ssh2";
import { errorMessage, SallyportError } from "../base/errors.ts";
import { randomId } from "../base/random.ts";
import { END_SENTENCES, type TunnelEndReason } from "../tunnel/tunnel_end.ts";
import { DialError } from "../upstream/dial_error.ts";
import { refuseChannel } from "./_protocol.ts";
import {
  decideSsh,
  noteDecision,
  routeNamed,
  SSH_PORT,
  SSH_REFUSAL_SENTENCES,
  subjectOf,
  tunnelFactsOf,
  tunnelLimitsOf,
} from "./authorize.ts";
import type { ClientConnection } from "./client_connection.ts";
import { findCommand } from "./commands/find_command.ts";
import type { ReverseConnection, RouteSession, SshGranted, SshLogin } from "./handlers.ts";
import type { SignedIn } from "./login.ts";
import { CHANNEL_REFUSAL, DISCONNECT } from "./reasons.ts";
import type { Revocations } from "./revocations.ts";
import type { SshServices } from "./services.ts";
import { SessionSetup, Shell } from "./shell.ts";

/** How long the connection of somebody who has signed out may go on. */
const LEAVING_MS = 1000;

/** What a connection that has signed in works with. */
export interface SshConnectionOptions {
  /** Who, and to where. */
  readonly signedIn: SignedIn;
  /** The connection. */
  readonly client: ClientConnection;
  /** Of the server. */
  readonly services: SshServices;
  /** Of the server. */
  readonly revocations: Revocations;
}

/**
 * Serves a connection that has signed in, until it is no more. Call it before the client is told, so that nothing that it
 * asks for is missed. Never rejects.
 */
export async function serveConnection(options: SshConnectionOptions): Promise<void> {
  const { signedIn: { login, route }, client, services, revocations } = options;
  let isLeaving = false;
  using _watch = revocations.add(login, (why) => {
    services.tunnels.end(login.connectionId, why);
    const leave = () => client.disconnect(DISCONNECT.protocolError, endText(why));
    // Who has signed out is to read that it is done.
    if (isLeaving) services.clock.timer(LEAVING_MS, leave);
    else leave();
  });
  try {
    if (route !== null) return await serveRoute(options, route);
    using _commands = new RoutelessConnection(options, () => isLeaving = true);
    await ended(client.closed);
  } catch (error) {
    services.log.error("SSH connection failed", {
      "request-id": login.connectionId,
      error: errorMessage(error),
    });
    client.disconnect(DISCONNECT.byApplication, `Internal error, request id ${login.connectionId}`);
  }
}

async function serveRoute(
  { signedIn: { login }, client, services }: SshConnectionOptions,
  { granted, session }: NonNullable<SignedIn["route"]>,
): Promise<void> {
  await using _session = session;
  const reason = await runRoute({ login, granted, session, services }, (live) => session.serve(client, live));
  const text = endText(reason);
  client.disconnect(isWithdrawn(reason) ? DISCONNECT.protocolError : DISCONNECT.byApplication, text);
}

/** Has a route session moved as a tunnel: in the registry, in the trail, and ended when it is no longer allowed. */
async function runRoute(
  { login, granted, session, services, id = login.connectionId, name = login.routeName! }: {
    login: SshLogin;
    granted: SshGranted;
    session: RouteSession;
    services: SshServices;
    id?: string;
    name?: string;
  },
  move: (live: Parameters<RouteSession["serve"]>[1]) => Promise<TunnelEndReason>,
): Promise<TunnelEndReason> {
  const { tunnels, live, audit, clock } = services;
  const { route } = granted;
  const wanted = { method: "SSH", target: { host: name, port: SSH_PORT }, route, id };
  const running = tunnels.run(tunnelFactsOf(login, { ...wanted, upstreamUrl: session.upstreamUrl }), {
    move,
    limits: tunnelLimitsOf(login, route),
  });
  // The session or the policy may have changed while the server was reached.
  if (live.mark !== granted.mark) void live.recheck(id);
  // A certificate that ends is no change of anything that is watched.
  const validBefore = login.ssh.certificate?.validBefore ?? Infinity;
  using _expiry = validBefore === Infinity
    ? null
    : clock.timer(Math.max(0, validBefore - clock.now()), () => void live.recheck(id));
  const end = await running;
  audit.ended({ ...subjectOf(login, wanted), ...end, upstream: session.address });
  return end.reason;
}

/** A connection without route: commands, and tunnels that the client asks for. */
class RoutelessConnection implements Disposable {
  readonly #options: SshConnectionOptions;
  readonly #onSignOut: () => void;
  readonly #reverse: ReverseConnection | null;
  #hasSession = false;

  constructor(options: SshConnectionOptions, onSignOut: () => void) {
    this.#options = options;
    this.#onSignOut = onSignOut;
    const { client, signedIn: { login }, services } = options;
    const { config: { allowsReverseTunnels: publishes }, reverseForwards } = services;
    this.#reverse = publishes ? reverseForwards?.attach(client, login) ?? null : null;
    const { connection } = client;
    connection.on("session", (accept, reject) => {
      if (this.#hasSession) {
        return refuseChannel(connection, reject, {
          reason: CHANNEL_REFUSAL.prohibited,
          text: "There is one session at a time here",
        });
      }
      this.#hasSession = true;
      this.#serveSession(accept());
    });
    connection.on("tcpip", (accept, reject, { destIP: host, destPort: port }) => {
      const refuse = (text: string) =>
        refuseChannel(connection, reject, { reason: CHANNEL_REFUSAL.prohibited, text });
      const forwards = services.config.ssh?.allowsDirectTcpip === true ? services.directForwards : null;
      if (forwards === null) return refuse("Tunnels are not opened here");
      void forwards.open(login, { host, port, accept, reject: refuse, client });
    });
    connection.on("request", (accept, reject, name, info) => {
      if (!("bindAddr" in info)) return reject?.();
      const { bindAddr, bindPort } = info;
      this.#forward({ name: name as string, bindAddr, bindPort })
        .then((port) => port === null ? reject?.() : accept?.(port))
        // A client that is gone needs no answer.
        .catch(() => {});
    });
  }

  [Symbol.dispose](): void {
    this.#reverse?.[Symbol.dispose]();
  }

  /** @returns the port to answer with; `null`: it is refused */
  async #forward(
    { name, bindAddr, bindPort }: { name: string; bindAddr: string; bindPort: number },
  ): Promise<number | null> {
    const { client, signedIn: { login }, services } = this.#options;
    if (this.#reverse === null) {
      if (name === "tcpip-forward") client.showMessage("Publishing services is not possible here");
      return null;
    }
    try {
      if (name === "cancel-tcpip-forward") {
        return await this.#reverse.cancel({ bindAddr, bindPort }) ? bindPort : null;
      }
      const outcome = await this.#reverse.request({ bindAddr, bindPort });
      if (outcome.ok) return outcome.port;
      client.showMessage(outcome.reason);
    } catch (error) {
      const fields = { "request-id": login.connectionId, error: errorMessage(error) };
      services.log.error("forwarding failed", fields);
    }
    return null;
  }

  #serveSession(session: Session): void {
    const setup = new SessionSetup(session);
    session.on("close", () => this.#hasSession = false);
    const run = (accept: () => ServerChannel | undefined, line: string) => {
      // A session that is over, or has its command, gets none.
      const channel = accept();
      if (channel !== undefined) void this.#run(new Shell(channel, setup), line);
    };
    session.on("shell", (accept) => run(accept, this.#defaultCommand()));
    session.on("exec", (accept, _reject, { command }) => run(accept, command));
  }

  /** What a shell without command is: the terminal page for who publishes, else the list of servers. */
  #defaultCommand(): string {
    const { services: { config } } = this.#options;
    if (this.#reverse?.isActive === true) return "tunnel";
    return config.ssh?.hasPortal === true ? "portal" : "--help";
  }

  async #run(shell: Shell, line: string): Promise<void> {
    const { signedIn: { login }, services, client } = this.#options;
    try {
      const code = await this.#command(shell, line);
      // With the session over, OpenSSH would go before it is told why.
      if (code !== null && !client.isEnding) shell.exit(code);
    } catch (error) {
      services.log.error("SSH command failed", {
        "request-id": login.connectionId,
        error: errorMessage(error),
      });
      await shell.printError(`This failed. Request id: ${login.connectionId}\n`);
      shell.exit(1);
    } finally {
      this.#hasSession = false;
    }
  }

  async #command(shell: Shell, line: string): Promise<number | null> {
    const { signedIn: { login }, services, client } = this.#options;
    const hasPortal = services.config.ssh?.hasPortal === true;
    if (line.trim() === "tunnel") return await this.#showTunnels(shell);
    const found = findCommand(line, { hasPortal });
    if (found === null) {
      await shell.printError("There is no such command. Try: --help\n");
      return 1;
    }
    const { command, words } = found;
    if (command.isInteractive && !shell.isTerminal) return await needsTerminal(shell);
    return await command.run({
      login,
      words,
      shell,
      services,
      page: (show) => client.page(show),
      enterRoute: (name) => this.#enterRoute(shell, name),
      onSignOut: this.#onSignOut,
    });
  }

  async #showTunnels(shell: Shell): Promise<number> {
    const { signedIn: { login }, services, client } = this.#options;
    const { tunnelScreens } = services;
    if (!shell.isTerminal) return await needsTerminal(shell);
    if (this.#reverse === null || tunnelScreens === null) {
      await shell.printError("Nothing is published by this connection: see ssh -R\n");
      return 1;
    }
    const { model } = this.#reverse;
    const wish = await client.page((signal) => tunnelScreens.open(shell, { model, login, signal }));
    if (wish === "sign-out") return await this.#command(shell, "logout") ?? 0;
    shell.exit(0);
    // Disconnected at once, OpenSSH would not show what gives it its terminal back. Without forwardings in use it leaves itself.
    services.clock.timer(LEAVING_MS, () => client.disconnect(DISCONNECT.byApplication, "Goodbye"));
    return 0;
  }

  /** Goes on with a shell of ours on the server of a route. */
  async #enterRoute(shell: Shell, name: string): Promise<void> {
    const { signedIn: { login }, client, services } = this.#options;
    const route = routeNamed(name, services);
    const id = `${login.connectionId}-${randomId(services.random, 4)}`;
    const wanted = { method: "SSH", target: { host: name, port: SSH_PORT }, route, id };
    const leave = async (text: string) => {
      await shell.printError(`${text}\n`);
      shell.exit(1);
    };
    const decided = decideSsh(login, { route, services });
    const note = { wanted, services, decision: decided.decision };
    if ("code" in decided) {
      noteDecision(login, { ...note, opened: false, status: 403, error: decided.code, upstream: null });
      const isSaid = decided.code === "ssh/other-client";
      return await leave(
        `Permission Denied: ${isSaid ? SSH_REFUSAL_SENTENCES[decided.code] : "access denied"}`,
      );
    }
    if (services.routeSessions === null) return await leave("Routes of SSH cannot be reached here");
    let session: RouteSession;
    try {
      session = await services.routeSessions.open({ ...login, routeName: name }, decided);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      const upstream = error instanceof DialError ? error.address : null;
      noteDecision(login, { ...note, opened: false, status: 503, error: error.code, upstream });
      services.log.warn("upstream not reached", { "request-id": id, error: error.message });
      return await leave(`The server of the route cannot be reached (${error.code}, request id ${id})`);
    }
    await using reached = session;
    noteDecision(login, { ...note, opened: true, status: 200, error: null, upstream: reached.address });
    const options = { login, granted: decided, session: reached, services, id, name };
    const reason = await runRoute(options, (live) => reached.adopt(shell.hand(), client, live));
    if (isWithdrawn(reason)) await leave(endText(reason));
  }
}

async function needsTerminal(shell: Shell): Promise<number> {
  await shell.printError("This needs a terminal: use ssh -t\n");
  return 1;
}

/** Whether the gateway has ended a tunnel, against the will of its user. */
function isWithdrawn(reason: TunnelEndReason): boolean {
  return END_SENTENCES[reason] !== null;
}

/** What the person is told. */
function endText(reason: TunnelEndReason): string {
  const sentence = END_SENTENCES[reason];
  if (sentence === null) return "Goodbye";
  const isTheirs = ["session-expired", "session-ended", "no-longer-allowed", "route-removed"].includes(
    reason,
  );
  return isTheirs
    ? `Permission Denied: no longer authorized: ${sentence}`
    : `The session has ended: ${sentence}`;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
