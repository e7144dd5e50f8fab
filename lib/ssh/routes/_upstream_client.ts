// @ts-types="@types/ssh2"
import { Client, type ServerHostKeyAlgorithm } from "ssh2";
import type { ByteStream } from "../../base/byte_stream.ts";
import { concatBytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import { sshString } from "../../codec/ssh_wire.ts";
import type { Log } from "../../observe/log.ts";
import type { FastCiphers } from "../fast_ciphers.ts";
import type { HostKeys } from "./_host_keys.ts";
import { afterNumber, HOST_KEYS, isGlobalRequest, isOfConnection, MESSAGE } from "./_messages.ts";
import { PayloadPort } from "./_payload_port.ts";
import { SshSocket } from "../ssh_socket.ts";
import { SshRouteError } from "./ssh_route_error.ts";
import { type KeyKind, kindsFor, type UserCertificate } from "./_user_certificate.ts";

const TIMEOUT_MS = 15_000;
/** A server that is quiet for so long is asked whether it is there, and given up when so many questions have no answer. */
const KEEP_ALIVE_MS = 30_000;
const KEEP_ALIVES = 3;
/** How long a server may take to close after it was told that nothing more comes. */
const LINGER_MS = 1000;
const MAX_BANNER_LENGTH = 16 * 1024;
/** Messages that a server may send before anybody listens. */
const MAX_EARLY = 64;
const MAX_EXTENSIONS = 64;

/** How to sign in at a server. */
export interface SignInOptions {
  /** For the messages. */
  readonly url: string;
  /** The login name. */
  readonly username: string;
  /** What it may prove itself with. */
  readonly hostKeys: HostKeys;
  /** Makes a certificate. */
  readonly mint: (kind: KeyKind) => Promise<UserCertificate>;
  /** What encrypts. */
  readonly ciphers: FastCiphers;
  readonly clock: Clock;
  readonly log: Log;
}

/** A connection to a server, signed in. */
export class UpstreamClient implements AsyncDisposable {
  /** For sessions that ssh2 opens. */
  readonly client = new Client();
  /** Its messages. */
  readonly port: PayloadPort;
  readonly #socket: SshSocket;
  readonly #options: SignInOptions;
  readonly #closed = new AbortController();
  readonly #signedIn = Promise.withResolvers<void>();
  readonly #early: Uint8Array[] = [];
  #banner = "";
  /** Kinds of certificates that have not been tried. */
  #kinds: readonly KeyKind[] = kindsFor(null);
  #wasRefused = false;
  #hostKey: Uint8Array | null = null;
  #isSignedIn = false;
  #failure: Error | null = null;

  private constructor(stream: ByteStream, options: SignInOptions) {
    this.#options = options;
    this.#socket = new SshSocket(stream);
    this.#signedIn.promise.catch(() => {});
    this.client.on("error", (error) => {
      this.#fail(this.#errorOf(error));
      if (this.#isSignedIn) this.#socket.destroy();
    });
    // SSH knows no half of a connection.
    this.client.on("end", () => this.#socket.destroy());
    this.client.on("close", () => {
      this.#fail(this.#errorOf(new Error("It closed the connection")));
      this.#closed.abort(this.#failure);
    });
    this.client.on("banner", (text) => this.#banner = (this.#banner + text).slice(0, MAX_BANNER_LENGTH));
    let isFirst = true;
    this.client.connect({
      sock: this.#socket,
      username: options.username,
      ident: "Sallyport",
      readyTimeout: 0,
      keepaliveInterval: KEEP_ALIVE_MS,
      keepaliveCountMax: KEEP_ALIVES,
      algorithms: {
        serverHostKey: [...options.hostKeys.algorithms] as ServerHostKeyAlgorithm[],
        cipher: [
          "chacha20-poly1305@openssh.com",
          "aes256-gcm@openssh.com",
          "aes128-gcm@openssh.com",
          "aes256-ctr",
          "aes128-ctr",
        ],
        hmac: [
          "hmac-sha2-256-etm@openssh.com",
          "hmac-sha2-512-etm@openssh.com",
          "hmac-sha2-256",
          "hmac-sha2-512",
        ],
        compress: ["none"],
      },
      hostVerifier: (key: Uint8Array, verify: (isTrusted: boolean) => void) => verify(this.#trusts(key)),
      // ssh2 knows no certificates: it goes as far as here, and hears of the success.
      authHandler: () => {
        if (isFirst) this.#begin().catch((error) => this.#fail(error));
        isFirst = false;
      },
    });
    options.ciphers.use(this.client);
    this.port = new PayloadPort(this.client);
    this.port.onPayload = (payload) => this.#beforeServing(payload);
  }

  /**
   * Signs in with a certificate that is minted for it.
   *
   * @param stream owned from now on, closed on a failure
   * @returns the caller disposes it
   * @throws {SshRouteError} and what minting and the store throw
   */
  static async signIn(stream: ByteStream, options: SignInOptions): Promise<UpstreamClient> {
    const upstream = new UpstreamClient(stream, options);
    using _timer = options.clock.timer(TIMEOUT_MS, () => {
      upstream.#fail(new SshRouteError("ssh/timeout", `The server ${options.url} does not answer in time`));
    });
    try {
      await upstream.#signedIn.promise;
      return upstream;
    } catch (error) {
      upstream.#socket.destroy();
      throw error;
    }
  }

  /** Set when the connection is no more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** What it has shown before signing in. */
  get banner(): string {
    return this.#banner;
  }

  /** Messages about channels and global requests that have come so far. */
  takeEarly(): Uint8Array[] {
    return this.#early.splice(0);
  }

  /** Leaves what comes to {@link UpstreamClient.client}. */
  leaveToClient(): void {
    this.#early.length = 0;
    this.port.onPayload = (payload) => isGlobalRequest(payload, HOST_KEYS);
  }

  /** Takes leave (RFC 4253 section 11.1), and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed.aborted) return;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.closed.addEventListener("abort", () => resolve(), { once: true });
    using _timer = this.#options.clock.timer(LINGER_MS, () => this.#socket.destroy());
    this.port.hold(false);
    this.client.end();
    await closed;
  }

  /** @returns whether ssh2 is not to see it */
  #beforeServing(payload: Uint8Array): boolean {
    switch (payload[0]) {
      case MESSAGE.extInfo:
        this.#kinds = kindsFor(signaturesIn(payload));
        return false;
      case MESSAGE.userauthFailure:
        this.#wasRefused = true;
        // Servers name signatures that they are told not to take (OpenSSH before 9.4).
        this.#sendCertificate().catch((error) => this.#fail(error));
        return true;
      case MESSAGE.userauthSuccess:
        this.#isSignedIn = true;
        this.#signedIn.resolve();
        return false;
      default:
        return isOfConnection(payload) && this.#keepEarly(payload);
    }
  }

  #keepEarly(payload: Uint8Array): boolean {
    if (isGlobalRequest(payload, HOST_KEYS)) return true;
    if (!this.#isSignedIn || this.#early.length === MAX_EARLY) throw new Error("Messages came out of order");
    this.#early.push(new Uint8Array(payload));
    return true;
  }

  #trusts(key: Uint8Array): boolean {
    if (!this.#options.hostKeys.accepts(key)) {
      this.#fail(this.#options.hostKeys.mismatch(key));
      return false;
    }
    this.#hostKey ??= new Uint8Array(key);
    return true;
  }

  async #begin(): Promise<void> {
    const { hostKeys, log } = this.#options;
    await hostKeys.remember(this.#hostKey!, log);
    await this.#sendCertificate();
  }

  /** The request and what is signed: RFC 4252 section 7. */
  async #sendCertificate(): Promise<void> {
    const { username, mint } = this.#options;
    const [kind, ...others] = this.#kinds;
    this.#kinds = others;
    if (kind === undefined) throw this.#refusal();
    const { blob, algorithm, signer } = await mint(kind);
    const request = concatBytes([
      Uint8Array.of(MESSAGE.userauthRequest),
      sshString(username),
      sshString("ssh-connection"),
      sshString("publickey"),
      Uint8Array.of(1),
      sshString(algorithm),
      sshString(blob),
    ]);
    const signature = signer.sign(concatBytes([sshString(this.port.sessionId), request]));
    this.port.send(concatBytes([request, sshString(signature)]));
  }

  #refusal(): SshRouteError {
    const { url, username } = this.#options;
    return new SshRouteError(
      "ssh/certificate-refused",
      `The server ${url} does not take a certificate for ${username}`,
      {
        hint: "its TrustedUserCAKeys must name the key of the gateway's authority, and it must know the user",
      },
    );
  }

  #errorOf(error: Error): Error {
    const { url, hostKeys } = this.#options;
    // Whoever has tried often enough is disconnected.
    if (this.#wasRefused && !this.#isSignedIn) return this.#refusal();
    if (/no matching (server )?host key/i.test(error.message)) return hostKeys.mismatch(null);
    return new SshRouteError("ssh/handshake-failed", `Cannot speak SSH with ${url}: ${errorMessage(error)}`, {
      cause: error,
    });
  }

  /** The first failure counts. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#signedIn.reject(this.#failure);
  }
}

/** `server-sig-algs` (RFC 8308 section 3.1); `null` when the message does not name any. */
function signaturesIn(payload: Uint8Array): readonly string[] | null {
  const reader = afterNumber(payload);
  const count = Math.min(reader.uint32(), MAX_EXTENSIONS);
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    const value = reader.bytes();
    if (name === "server-sig-algs") return new TextDecoder().decode(value).split(",");
  }
  return null;
}
