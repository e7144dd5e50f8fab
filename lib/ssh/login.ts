// @ts-types="@types/ssh2"
import type { AuthContext, KeyboardAuthContext, PublicKeyAuthContext } from "ssh2";
import { errorMessage, SallyportError } from "../base/errors.ts";
import { type KeyCaller, keyIdOf } from "../identity/key_sign_ins.ts";
import { DialError } from "../upstream/dial_error.ts";
import { SSH_LIMITS } from "./_limits.ts";
import { sendBanner, sendIgnore } from "./_protocol.ts";
import {
  decideSsh,
  noteDecision,
  routeNamed,
  SSH_PORT,
  SSH_REFUSAL_SENTENCES,
  type SshRefusal,
  type SshWanted,
} from "./authorize.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { RouteSession, SshGranted, SshLogin } from "./handlers.ts";
import { acceptKey, isProven, type OfferedKey, offeredKey, signsWithSha1 } from "./offered_key.ts";
import { DISCONNECT } from "./reasons.ts";
import type { SshServices } from "./services.ts";

/** How often somebody who waits for a person is sent nothing, so that nothing between forgets the connection. */
const WAITING_IGNORE_MS = 20_000;

const SHA1_TEXT =
  "A key of RSA has to sign with SHA-2 here, and this client uses SHA-1: use another key or client\r\n";

/** A login that has succeeded. */
export interface SignedIn {
  /** Who, and what they asked for. */
  readonly login: SshLogin;
  /** The server of the route, reached; `null`: no route was asked for. */
  readonly route: { readonly granted: SshGranted; readonly session: RouteSession } | null;
}

/** What a login works with. */
export interface LoginOptions {
  /** Of the connection. */
  readonly connectionId: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** The connection. */
  readonly client: ClientConnection;
  /** Of the server. */
  readonly services: SshServices;
  /** Called when a person is waited for, and when not any more. */
  readonly onWaiting: (isWaiting: boolean) => void;
  /** Called just before the client is told that it is signed in. */
  readonly onSignedIn: (signedIn: SignedIn) => void;
  /** Called when it has failed as often as it may. */
  readonly onFailed: () => void;
}

/** What an attempt comes to. */
type Outcome =
  | { readonly kind: "signed-in"; readonly signedIn: SignedIn }
  /** Another key may do. */
  | { readonly kind: "another-key" }
  /** A person has to say whose the key is. */
  | { readonly kind: "ask" }
  /** The client was told why, and is being left. */
  | { readonly kind: "over" };

/**
 * Signing in on one connection (RFC 4252): a key that is proven, and where nobody has said whose it is, a person at a
 * browser who says so, while the client waits in `keyboard-interactive` (RFC 4256) with nothing to type.
 */
export class Login {
  readonly #options: LoginOptions;
  #names: { username: string; routeName: string | null } | null = null;
  #key: OfferedKey | null = null;
  #requests = 0;
  #failures = 0;
  #askedNone = false;
  #knowsOfSha1 = false;

  /** A login that has not begun. */
  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /** Handles a request; never rejects. */
  async handle(context: AuthContext): Promise<void> {
    try {
      await this.#handle(context);
    } catch (error) {
      const { client, services, connectionId } = this.#options;
      if (client.closed.aborted) return;
      services.log.warn("SSH sign-in failed", { "request-id": connectionId, error: errorMessage(error) });
      client.disconnect(DISCONNECT.serviceNotAvailable, "Signing in is not possible at the moment");
    }
  }

  async #handle(context: AuthContext): Promise<void> {
    const { client } = this.#options;
    if (++this.#requests > SSH_LIMITS.requests) return this.#giveUp();
    this.#names ??= namesOf(context.username);
    if (this.#names === null) {
      return client.disconnect(DISCONNECT.illegalUserName, "A login name is needed, as in ssh name@gateway");
    }
    switch (context.method) {
      case "none":
        if (this.#askedNone) return this.#fail(context, "publickey");
        this.#askedNone = true;
        return context.reject(["publickey"]);
      case "publickey":
        return await this.#tryKey(context);
      case "keyboard-interactive":
        return await this.#askPerson(context);
      default:
        return this.#fail(context, "publickey");
    }
  }

  async #tryKey(context: PublicKeyAuthContext): Promise<void> {
    const { ip, client } = this.#options;
    if (signsWithSha1(context)) {
      if (!this.#knowsOfSha1) sendBanner(client.connection, SHA1_TEXT);
      this.#knowsOfSha1 = true;
      return this.#fail(context, "publickey");
    }
    const key = offeredKey(context, { ip });
    if (key === null) return this.#fail(context, "publickey");
    if (context.signature === undefined) return acceptKey(context);
    if (!isProven(key, context)) return this.#fail(context, "publickey");
    this.#key = key;
    const outcome = await this.#attempt(key);
    if (client.closed.aborted) return await dispose(outcome);
    if (outcome.kind === "ask") context.reject(["keyboard-interactive"], true);
    else this.#answer(context, outcome);
  }

  async #askPerson(context: KeyboardAuthContext): Promise<void> {
    const { client, services, ip, onWaiting } = this.#options;
    const key = this.#key;
    if (key === null) return this.#fail(context, "publickey");
    const code = await services.signIns.begin(keyIdOf(key.fingerprint), ip);
    if (client.closed.aborted) return;
    if (code === null) {
      return client.disconnect(
        DISCONNECT.tooManyConnections,
        "Too many sign-ins are waiting: try again later",
      );
    }
    const aborted = new AbortController();
    context.once("abort", () => aborted.abort(new Error("The client asked for something else")));
    const url = `${services.signInOrigin()}/.pomerium/sign_in?user_code=${code.code}`;
    context.prompt([], titleFor(services), url, () => {});
    onWaiting(true);
    using _alive = this.#keepAlive();
    try {
      const signal = AbortSignal.any([client.closed, aborted.signal]);
      const decision = await services.signIns.decided(code, signal);
      if (decision !== "approved") {
        const text = decision === "denied" ? "access denied" : "nobody has signed in in time";
        return client.disconnect(DISCONNECT.protocolError, `Permission Denied: ${text}`);
      }
    } catch (error) {
      if (client.closed.aborted || aborted.signal.aborted) return;
      throw error;
    } finally {
      onWaiting(false);
    }
    const outcome = await this.#attempt(key);
    if (client.closed.aborted) return await dispose(outcome);
    // Signing in once more would change nothing.
    if (outcome.kind === "ask") this.#deny();
    else this.#answer(context, outcome);
  }

  async #attempt(key: OfferedKey): Promise<Outcome> {
    const caller = await this.#options.services.signIns.callerOf(keyIdOf(key.fingerprint));
    if (caller === null) return { kind: "ask" };
    const login = this.#loginOf(caller, key);
    return login.routeName === null
      ? { kind: "signed-in", signedIn: { login, route: null } }
      : await this.#enterRoute(login, login.routeName);
  }

  async #enterRoute(login: SshLogin, name: string): Promise<Outcome> {
    const { services } = this.#options;
    const route = routeNamed(name, services);
    const wanted = { method: "SSH", target: { host: name, port: SSH_PORT }, route };
    const decided = decideSsh(login, { route, services });
    if ("code" in decided) return this.#refused(login, { wanted, refusal: decided });
    if (services.routeSessions === null) {
      this.#options.client.disconnect(DISCONNECT.serviceNotAvailable, "Routes of SSH cannot be reached here");
      return { kind: "over" };
    }
    const note = { wanted, services, decision: decided.decision };
    try {
      const session = await services.routeSessions.open(login, decided);
      noteDecision(login, { ...note, opened: true, status: 200, error: null, upstream: session.address });
      return { kind: "signed-in", signedIn: { login, route: { granted: decided, session } } };
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      const { code, message } = error;
      const upstream = error instanceof DialError ? error.address : null;
      noteDecision(login, { ...note, opened: false, status: 503, error: code, upstream });
      services.log.warn("upstream not reached", { "request-id": login.connectionId, error: message });
      const text = `The server of the route cannot be reached (${code}, request id ${login.connectionId})`;
      this.#options.client.disconnect(DISCONNECT.serviceNotAvailable, text);
      return { kind: "over" };
    }
  }

  #refused(login: SshLogin, { wanted, refusal }: { wanted: SshWanted; refusal: SshRefusal }): Outcome {
    const { services, client } = this.#options;
    const { code, decision } = refusal;
    if (code === "ssh/unauthenticated") return { kind: "ask" };
    const status = code === "ssh/no-route" ? 404 : 403;
    noteDecision(login, { wanted, services, decision, opened: false, status, error: code, upstream: null });
    if (code === "ssh/wrong-key") return { kind: "another-key" };
    const text = SSH_REFUSAL_SENTENCES[code];
    if (code === "ssh/no-route") client.disconnect(DISCONNECT.hostNotAllowed, text);
    else if (code === "ssh/other-client") {
      client.disconnect(DISCONNECT.protocolError, `Permission Denied: ${text}`);
    } else this.#deny();
    return { kind: "over" };
  }

  #answer(context: AuthContext, outcome: Exclude<Outcome, { kind: "ask" }>): void {
    switch (outcome.kind) {
      case "signed-in": {
        const banner = outcome.signedIn.route?.session.banner ?? "";
        if (banner !== "") sendBanner(this.#options.client.connection, banner);
        this.#options.onSignedIn(outcome.signedIn);
        return context.accept();
      }
      case "another-key":
        return this.#fail(context, "publickey");
      case "over":
        return;
    }
  }

  #deny(): void {
    this.#options.client.disconnect(DISCONNECT.protocolError, "Permission Denied: access denied");
  }

  #fail(context: AuthContext, next: "publickey"): void {
    if (++this.#failures >= SSH_LIMITS.failures) return this.#giveUp();
    context.reject([next]);
  }

  #giveUp(): void {
    this.#options.onFailed();
    this.#options.client.disconnect(DISCONNECT.noMoreAuthMethods, "Too many attempts to sign in have failed");
  }

  #loginOf(caller: KeyCaller, key: OfferedKey): SshLogin {
    const { connectionId, ip } = this.#options;
    const { username, routeName } = this.#names!;
    const ssh = { username, publicKey: key.blob, certificate: key.certificate };
    return { connectionId, username, routeName, ip, caller, ssh, keyFingerprint: key.fingerprint };
  }

  #keepAlive(): Disposable {
    const { client, services: { clock } } = this.#options;
    const beat = () => {
      if (client.closed.aborted) return;
      sendIgnore(client.connection);
      timer = clock.timer(WAITING_IGNORE_MS, beat);
    };
    let timer = clock.timer(WAITING_IGNORE_MS, beat);
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }
}

/** Splits `user@route` at its last `@`. @returns `null` when one of them is empty, or both are too long */
function namesOf(text: string): { username: string; routeName: string | null } | null {
  if (text.length > SSH_LIMITS.usernameLength) return null;
  const at = text.lastIndexOf("@");
  const username = at < 0 ? text : text.slice(0, at);
  const routeName = at < 0 ? null : text.slice(at + 1).toLowerCase();
  return username === "" || routeName === "" ? null : { username, routeName };
}

function titleFor({ config: { idpProvider } }: SshServices): string {
  if (idpProvider === "local" || idpProvider === "oidc") return "Please sign in to continue";
  return `Please sign in with ${idpProvider} to continue`;
}

/** What was reached for a client that has gone is let go. */
async function dispose(outcome: Outcome): Promise<void> {
  if (outcome.kind === "signed-in") await outcome.signedIn.route?.session[Symbol.asyncDispose]();
}
