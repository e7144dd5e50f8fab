// @ts-types="@types/ssh2"
import ssh2, {
  type Algorithms,
  type Connection as Ssh2Connection,
  type NegotiatedAlgorithms,
  type ParsedKey,
  type ServerConfig,
} from "ssh2";
import type { Socket } from "node:net";
import type { Connection } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import { plainAddress } from "../base/ip.ts";
import { randomId } from "../base/random.ts";
import { limitChannels } from "./_channel_limits.ts";
import { SSH_LIMITS } from "./_limits.ts";
import { rawOf, tellSignatures } from "./_protocol.ts";
import { ClientConnection } from "./client_connection.ts";
import { serveConnection } from "./connection.ts";
import { FastCiphers } from "./fast_ciphers.ts";
import type { SshPrivateKey } from "./host_keys.ts";
import { Login, type SignedIn } from "./login.ts";
import { Penalties } from "./penalties.ts";
import { DISCONNECT } from "./reasons.ts";
import { Revocations } from "./revocations.ts";
import type { SshServices } from "./services.ts";
import { SshSocket } from "./ssh_socket.ts";

/** What is spoken: nothing with SHA-1, CBC, or MACs over what was not encrypted. The first cipher is the fastest here. */
const ALGORITHMS: Algorithms = {
  // The client's order counts (RFC 4253 section 7.1). ssh2 takes every guess of a client for wrong: no client begins with this.
  kex: [
    "diffie-hellman-group18-sha512",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
  ],
  serverHostKey: [
    "ssh-ed25519",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
  ],
  cipher: [
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
  compress: ["none"],
};

const CHACHA = "chacha20-poly1305@openssh.com";

/** A connection, from its beginning to its end. */
interface Open {
  readonly socket: SshSocket;
  readonly id: string;
  readonly ip: string;
  isSignedIn: boolean;
  deadline: Disposable;
  lingering: Disposable | null;
  /** `null` until the version of the client is known. */
  client: ClientConnection | null;
}

/** The SSH server (RFC 4251 to 4254): takes connections over, signs their users in, and serves them. */
export class SshServer implements Disposable {
  readonly #services: SshServices;
  readonly #penalties: Penalties;
  readonly #revocations: Revocations;
  readonly #ciphers = new FastCiphers();
  readonly #open = new Map<unknown, Open>();
  readonly #whenEmpty: (() => void)[] = [];
  #server: ssh2.Server;
  #isDraining = false;

  /** A server without connections. @param options `hostKeys`: at least one, one of each type counts */
  constructor(services: SshServices, { hostKeys }: { hostKeys: readonly SshPrivateKey[] }) {
    this.#services = services;
    this.#penalties = services.penalties ?? new Penalties(services.clock);
    this.#revocations = new Revocations(services);
    this.#server = this.#serverWith(hostKeys);
  }

  /** Connections that are open. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** Proves itself with other keys from now on; connections that are open stay open. */
  useHostKeys(hostKeys: readonly SshPrivateKey[]): void {
    this.#server = this.#serverWith(hostKeys);
  }

  /** Takes over a connection, and closes it. A host that keeps failing, or has too many that wait, is left at once. */
  serve({ facts, stream }: Connection): void {
    const { clock, random, log } = this.#services;
    const ip = plainAddress(facts.peer.address);
    const refusal = this.#refusalFor(ip);
    if (refusal !== null) {
      log.debug("SSH connection refused", { ip, error: refusal });
      return stream.close();
    }
    const socket = new SshSocket(stream);
    const id = randomId(random);
    const late = clock.timer(SSH_LIMITS.handshakeMs, () => socket.destroy());
    const open: Open = {
      socket,
      id,
      ip,
      isSignedIn: false,
      deadline: late,
      lingering: null,
      client: null,
    };
    this.#open.set(socket, open);
    socket.on(
      "error",
      (error) => log.debug("SSH connection failed", { ip, "request-id": id, error: error.message }),
    );
    // Whoever we have nothing more to say to is to go.
    socket.once("finish", () => open.lingering = clock.timer(SSH_LIMITS.lingerMs, () => socket.destroy()));
    socket.once("close", () => this.#close(open));
    this.#server.injectSocket(socket as unknown as Socket);
  }

  /** Takes no more connections over. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Waits until no connection is open. */
  async empty(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Ends every connection. @param text why, for the clients */
  farewell(text: string): void {
    for (const { client } of this.#open.values()) client?.disconnect(DISCONNECT.byApplication, text);
  }

  /** Closes every connection. */
  close(): void {
    for (const { socket } of [...this.#open.values()]) socket.destroy();
  }

  /** Stops, and closes every connection. */
  [Symbol.dispose](): void {
    this.drain();
    this.close();
    this.#revocations[Symbol.dispose]();
  }

  #serverWith(hostKeys: readonly SshPrivateKey[]): ssh2.Server {
    const server = new ssh2.Server({
      hostKeys: hostKeys.flatMap(offersOf),
      algorithms: ALGORITHMS,
      ident: "Sallyport",
      keepaliveInterval: SSH_LIMITS.keepAliveMs,
      keepaliveCountMax: SSH_LIMITS.keepAlives,
    });
    server.on("connection", (connection) => this.#begin(connection));
    return server;
  }

  #refusalFor(ip: string): string | null {
    if (this.#isDraining) return "the gateway is stopping";
    if (this.#penalties.isRefused(ip)) return "the host keeps failing";
    const waiting = [...this.#open.values()].filter(({ isSignedIn }) => !isSignedIn);
    if (waiting.length >= SSH_LIMITS.unauthenticated) return "too many have not signed in";
    const ofHost = waiting.filter((open) => open.ip === ip).length;
    return ofHost >= SSH_LIMITS.unauthenticatedOfHost ? "too many of this host have not signed in" : null;
  }

  /** The version of the client is known; the first key exchange begins after this. */
  #begin(connection: Ssh2Connection): void {
    const open = this.#open.get(rawOf(connection)._sock);
    if (open === undefined) return;
    const { clock, log } = this.#services;
    const client = open.client = new ClientConnection(connection, clock);
    tellSignatures(connection);
    limitChannels(connection, { maxChannels: SSH_LIMITS.channels });
    this.#ciphers.use(connection);
    connection.on("error", (error) => {
      const level = (error as { level?: string }).level ?? "";
      log.debug("SSH connection failed", { ip: open.ip, "request-id": open.id, error: errorMessage(error) });
      if (!open.isSignedIn && level !== "socket" && level !== "") {
        this.#penalties.add(open.ip, "protocol-error");
      }
      if (level === "client-timeout") client.destroy();
    });
    connection.once("handshake", (negotiated: NegotiatedAlgorithms) => {
      if (isOpenToTruncation(connection, negotiated)) {
        return client.disconnect(
          DISCONNECT.protocolError,
          "This cipher needs a client with strict key exchange",
        );
      }
      this.#setDeadline(open, client);
    });
    const login = new Login({
      connectionId: open.id,
      ip: open.ip,
      client,
      services: this.#services,
      onWaiting: (isWaiting) => isWaiting ? open.deadline[Symbol.dispose]() : this.#setDeadline(open, client),
      onSignedIn: (signedIn) => this.#signedIn(open, { client, signedIn }),
      onFailed: () => this.#penalties.add(open.ip, "sign-in-failed"),
    });
    connection.on("authentication", (context) => void login.handle(context));
  }

  #setDeadline(open: Open, client: ClientConnection): void {
    open.deadline[Symbol.dispose]();
    if (client.closed.aborted) return;
    const text = "Nobody has signed in in time";
    open.deadline = this.#services.clock.timer(
      SSH_LIMITS.signInMs,
      () => client.disconnect(DISCONNECT.byApplication, text),
    );
  }

  #signedIn(open: Open, { client, signedIn }: { client: ClientConnection; signedIn: SignedIn }): void {
    open.isSignedIn = true;
    open.deadline[Symbol.dispose]();
    this.#penalties.forgive(open.ip);
    const { login } = signedIn;
    this.#services.log.info("SSH sign-in", {
      "request-id": open.id,
      ip: open.ip,
      "user-name": login.username,
      user: login.caller.session.userId,
      key: login.keyFingerprint,
      route: login.routeName ?? undefined,
    });
    void serveConnection({ signedIn, client, services: this.#services, revocations: this.#revocations });
  }

  #close(open: Open): void {
    open.deadline[Symbol.dispose]();
    open.lingering?.[Symbol.dispose]();
    this.#open.delete(open.socket);
    if (!open.isSignedIn && !this.#isDraining) this.#penalties.add(open.ip, "no-sign-in");
    if (this.#open.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
  }
}

/** What ssh2 is given of a key. Of one of RSA it would offer SHA-1, too, unless each hash is a key of its own to it. */
function offersOf({ pem, type }: SshPrivateKey): ServerConfig["hostKeys"] {
  if (type !== "ssh-rsa") return [pem];
  const key = ssh2.utils.parseKey(pem);
  return ["rsa-sha2-512", "rsa-sha2-256"].map((type) => ({
    key: Object.create(key, { type: { value: type } }) as ParsedKey,
  }));
}

/**
 * Whether somebody between could take messages from the beginning of the connection (CVE-2023-48795): with this cipher, unless
 * both count them from the keys on.
 */
function isOpenToTruncation(connection: Ssh2Connection, { cs, sc }: NegotiatedAlgorithms): boolean {
  return (cs.cipher === CHACHA || sc.cipher === CHACHA) && rawOf(connection)._protocol._strictMode !== true;
}
