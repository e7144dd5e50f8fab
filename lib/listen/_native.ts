import process from "node:process";
import { createSecureContext, TLSSocket } from "node:tls";
import { ListenError } from "./listen_error.ts";

/** One end of a socket's address. */
export interface SocketName {
  /** IP address. */
  readonly address: string;
  /** Port. */
  readonly port: number;
}

/** What a write or shutdown is asked for with. */
export interface NativeRequest {
  /** Called once it is over. @param status 0, or the negative number of an error of the system */
  oncomplete(status: number): void;
}

/** A TCP socket of the platform, below `node:net`. What returns a number returns 0, or the negative number of an error. */
export interface NativeTcp {
  /** `flags` as in libuv. */
  bindWithFlags(address: string, port: number, flags: number): number;
  /** Listens, or looks again for who has come. */
  listen(backlog: number): number;
  /** Makes `client` the next connection. */
  accept(client: NativeTcp): number;
  /** Fills in a {@link SocketName}. */
  getsockname(into: object): number;
  /** Fills in a {@link SocketName}. */
  getpeername(into: object): number;
  /** TCP_NODELAY. */
  setNoDelay(isOn: boolean): number;
  /** SO_KEEPALIVE; 0 seconds leave the delay to the system. */
  setKeepAlive(isOn: boolean, delaySeconds: number): number;
  /** Where to read to. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Goes on reading. */
  readStart(): number;
  /** Takes no more out of the system. */
  readStop(): number;
  /** Sends the end, after all that is written. */
  shutdown(request: NativeRequest): number;
  /** Frees the descriptor. */
  close(): void;
  /** Called when somebody has come. */
  onconnection?: () => void;
  /** Called when something was read. */
  onread?: () => void;
}

/** TLS of the platform on such a socket, below `node:tls`. */
export interface NativeTls {
  /** Takes what {@link Native.context} makes. */
  initServerTls(context: object): number;
  /** Says over which socket. */
  attach(tcp: NativeTcp): number;
  /** Says on which object the functions below are. */
  setHandle(self: NativeTls): void;
  /** Most wanted first. */
  setAlpnProtocols(names: readonly string[]): void;
  /** Where to decrypt to. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Begins the handshake. */
  start(): number;
  /** Looks which `onread` there is. */
  readStart(): number;
  /** Takes what was read from the socket. */
  receive(records: Uint8Array): void;
  /** Takes the end of the socket. */
  emitEof(): void;
  /** Encrypts and sends. */
  writeBuffer(request: NativeRequest, bytes: Uint8Array): number;
  /** Sends the end of TLS (RFC 8446 section 6.1), then that of the socket. */
  shutdown(request: NativeRequest): number;
  /** Ends the write that is under way. */
  cancelWrite(): void;
  /** Frees all of it. */
  destroySsl(): void;
  /** Fills in `alpnProtocol`. */
  getAlpnNegotiatedProtocol(into: object): number;
  /** In DER, that of the client first. */
  getPeerCertificateChain(): { readonly certificates: readonly Uint8Array<ArrayBuffer>[] } | null;
  /** Called once. */
  onhandshakedone?: () => void;
  /** Called when TLS has failed; the client has been told. */
  onerror?: (error: Error) => void;
  /** Called when something was decrypted. */
  onread?: () => void;
}

type TcpConstructor = new (kind: number) => NativeTcp;
type TlsConstructor = new (kind: number, provider: number) => NativeTls;

/** Certificate and key of a server, and what it asks of clients. */
export interface NativeContextOptions {
  /** PEM. */
  readonly certPem: string;
  /** PEM. */
  readonly keyPem: string;
  /** The authorities (PEM) whose names the client is told when it is asked for a certificate; `null`: it is not asked. */
  readonly askFor: readonly string[] | null;
  /** Whether a client that is asked and has none gets no further (RFC 8446 section 6.2: certificate_required). */
  readonly isRequired: boolean;
}

/** Where the platform leaves how many bytes it has read, or the negative number of an error. */
const READ_RESULT = 0;
const SOCKET = 0;
const SERVER = 1;
/** All sockets are read into one buffer, one at a time; the bytes are taken out before the next. */
const READ_BYTES = 128 * 1024;

const TCP_METHODS = ["bindWithFlags", "listen", "accept", "getsockname", "getpeername", "setNoDelay"]
  .concat("setKeepAlive", "useUserBuffer", "readStart", "readStop", "shutdown", "close");
const TLS_METHODS = [
  "initServerTls",
  "attach",
  "setHandle",
  "setAlpnProtocols",
  "useUserBuffer",
  "start",
  "readStart",
]
  .concat("receive", "emitEof", "writeBuffer", "shutdown", "cancelWrite", "destroySsl")
  .concat("getAlpnNegotiatedProtocol", "getPeerCertificateChain");

/**
 * The parts of the platform that `node:net` and `node:tls` are made of (Deno 2.9.6), and that it does not promise to keep.
 * Nothing else of the project touches them. Their use is what lets accepted TLS connections send at once (TCP_NODELAY), ask
 * for certificates, be closed in the midst of a handshake, and push back, at the speed of the platform's own listener.
 */
export class Native {
  readonly #Tcp: TcpConstructor;
  readonly #Tls: TlsConstructor;
  readonly #state: Int32Array;
  readonly #records = new Uint8Array(READ_BYTES);
  readonly #decrypted = new Uint8Array(READ_BYTES);

  /** Looks whether everything is there. @throws {ListenError} `listen/unsupported-platform` */
  constructor() {
    const { binding } = process as unknown as { binding: (name: string) => Record<string, unknown> };
    const { TCP } = binding.call(process, "tcp_wrap");
    const { streamBaseState } = binding.call(process, "stream_wrap");
    const Tls = tlsConstructor();
    const isComplete = hasMethods(TCP, TCP_METHODS) && hasMethods(Tls, TLS_METHODS) &&
      streamBaseState instanceof Int32Array;
    if (!isComplete) throw ListenError.unsupportedPlatform();
    this.#Tcp = TCP as TcpConstructor;
    this.#Tls = Tls as TlsConstructor;
    this.#state = streamBaseState;
  }

  /** A socket that is to listen. */
  listener(): NativeTcp {
    return new this.#Tcp(SERVER);
  }

  /** A socket that a connection is to be accepted into. */
  socket(): NativeTcp {
    return new this.#Tcp(SOCKET);
  }

  /** A server's end of a TLS connection. @returns `null` when the platform refuses certificate or key */
  tls(context: object): NativeTls | null {
    const tls = new this.#Tls(SERVER, 0);
    return tls.initServerTls(context) === 0 ? tls : null;
  }

  /** What {@link Native.tls} takes. @throws {ListenError} `listen/bad-certificate` */
  context({ certPem, keyPem, askFor, isRequired }: NativeContextOptions): object {
    try {
      const { context } = createSecureContext({
        cert: certPem,
        key: keyPem,
        ...(askFor === null ? {} : { ca: [...askFor] }),
      });
      const whole = { ...context as object, requestCert: askFor !== null, rejectUnauthorized: isRequired };
      if (this.tls(whole) === null) throw new Error("certificate and key do not fit");
      return whole;
    } catch (error) {
      throw ListenError.badCertificate(error);
    }
  }

  /**
   * Has a socket read, once it is told to (`readStart`).
   *
   * @param onBytes has to be done with them when it returns; @param onEnd `isReset`: the connection broke
   */
  onRead(
    tcp: NativeTcp,
    { onBytes, onEnd }: { onBytes: (bytes: Uint8Array) => void; onEnd: (isReset: boolean) => void },
  ): void {
    tcp.useUserBuffer(this.#records);
    tcp.onread = () => {
      const count = this.#state[READ_RESULT]!;
      if (count > 0) onBytes(this.#records.subarray(0, count));
      else if (count < 0) onEnd(count !== UV_EOF);
    };
  }

  /**
   * Has TLS hand out what it has decrypted.
   *
   * @param onBytes has to be done with them when it returns; @param onEnd of the client, or of TLS
   */
  onDecrypted(
    tls: NativeTls,
    { onBytes, onEnd }: { onBytes: (bytes: Uint8Array) => void; onEnd: () => void },
  ): void {
    tls.useUserBuffer(this.#decrypted);
    tls.onread = () => {
      const count = this.#state[READ_RESULT]!;
      if (count > 0) onBytes(this.#decrypted.subarray(0, count));
      else if (count < 0) onEnd();
    };
  }
}

/** How libuv calls the end of a stream. */
const UV_EOF = -4095;

/** It can be had only from a socket that has one. */
function tlsConstructor(): unknown {
  const socket = new TLSSocket(null as never, { isServer: true, secureContext: createSecureContext() });
  const { _handle: handle } = socket as unknown as { _handle?: object };
  socket.on("error", () => {});
  socket.destroy();
  return handle?.constructor;
}

function hasMethods(constructor: unknown, names: readonly string[]): boolean {
  const methods = typeof constructor === "function" ? constructor.prototype as Record<string, unknown> : {};
  return names.every((name) => typeof methods[name] === "function");
}
