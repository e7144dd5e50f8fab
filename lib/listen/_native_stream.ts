import process from "node:process";
import type { ByteStream } from "../base/byte_stream.ts";
import { type ClientHello, ClientHelloDecoder } from "../codec/client_hello.ts";
import { CodecError } from "../codec/codec_error.ts";
import type { Native, NativeTcp, NativeTls, SocketName } from "./_native.ts";

/** The platform copies what is left of a larger piece again and again. */
const MAX_WRITE_BYTES = 128 * 1024;
const NOTHING = new Uint8Array(0);
/** Each is kept in memory of its own: as many as a real one has, if every byte comes alone. */
const MAX_HELLO_PIECES = 2048;
/** A longer chain than any real one is cut off. */
const MAX_CHAIN = 16;

/** How to speak TLS with a client. */
export interface TlsServerOptions {
  /** From {@link Native.context}. */
  readonly context: object;
  /** Offered to the client, most wanted first. */
  readonly alpn: readonly string[];
}

interface Reader {
  readonly into: Uint8Array;
  resolve(count: number | null): void;
  reject(error: Error): void;
}

interface End {
  readonly error: Error | null;
}

/**
 * An accepted connection: the bytes of TCP, and from {@link NativeStream.startTls} on those inside of TLS. It is read only
 * while there is room.
 */
export class NativeStream implements ByteStream {
  readonly #native: Native;
  readonly #tcp: NativeTcp;
  readonly #onClose: () => void;
  readonly #chunks: Uint8Array[] = [];
  #tls: NativeTls | null = null;
  #isReading = true;
  #end: End | null = null;
  /** Of TCP, under TLS. */
  #tcpEnd: End | null = null;
  #isFinished = false;
  #closed = false;
  #reader: Reader | null = null;
  #failHandshake: (error: Error) => void = () => {};
  #failWrite: (error: Error) => void = () => {};
  /** Settles when everything that was asked to be written is. */
  #writing: Promise<void> = Promise.resolve();

  /** Starts reading. @param tcp owned from now on @param onClose called once its descriptor is free */
  constructor(native: Native, tcp: NativeTcp, onClose: () => void) {
    this.#native = native;
    this.#tcp = tcp;
    this.#onClose = onClose;
    native.onRead(tcp, {
      onBytes: (bytes) => this.#arrived(bytes),
      onEnd: (isReset) => this.#ended(isReset),
    });
    tcp.setNoDelay(true);
    tcp.setKeepAlive(true, 0);
    tcp.readStart();
  }

  /** Both ends of the connection. @throws {Error} when it is gone already */
  names(): { readonly peer: SocketName; readonly local: SocketName } {
    const [peer, local] = [{} as SocketName, {} as SocketName];
    if (this.#tcp.getpeername(peer) !== 0 || this.#tcp.getsockname(local) !== 0) {
      throw new Error("The connection is gone");
    }
    return { peer, local };
  }

  /**
   * Waits for the ClientHello, with which {@link NativeStream.startTls} begins.
   *
   * @throws {CodecError} when something else comes; `codec/too-large`, too, when it comes in more than 2,048 pieces
   */
  async clientHello(): Promise<ClientHello> {
    const decoder = new ClientHelloDecoder();
    for (let seen = 0;; seen++) {
      if (seen === MAX_HELLO_PIECES) {
        throw new CodecError("codec/too-large", "Cannot read a ClientHello: it comes in too many pieces");
      }
      if (this.#chunks.length === seen && await this.#next(NOTHING) === null) {
        throw new Error("The connection has ended before the ClientHello");
      }
      const hello = decoder.push(this.#chunks[seen]!);
      if (hello !== null) return hello;
    }
  }

  /**
   * Does the handshake, with what has come so far. When it fails, the client has been told why, and the stream carries the
   * bytes of TCP again.
   *
   * @returns the protocol that both sides agreed on (RFC 7301); `null` when there is none
   * @throws what the platform says: an alert, what is no TLS at all, an end
   */
  async startTls({ context, alpn }: TlsServerOptions): Promise<string | null> {
    const tls = this.#native.tls(context);
    if (tls === null || tls.attach(this.#tcp) !== 0) throw new Error("The platform cannot speak TLS here");
    if (this.#end !== null) throw new Error("The connection has ended");
    const failed = Promise.withResolvers<never>();
    this.#failHandshake = failed.reject;
    const done = new Promise<void>((resolve) => tls.onhandshakedone = resolve);
    tls.onerror = (error) => this.#finish(error);
    this.#native.onDecrypted(tls, {
      onBytes: (bytes) => this.#deliver(bytes),
      onEnd: () => this.#finish(null),
    });
    tls.setAlpnProtocols(alpn);
    tls.setHandle(tls);
    this.#tls = tls;
    try {
      this.#resume();
      tls.start();
      tls.readStart();
      for (const records of this.#chunks.splice(0)) tls.receive(records);
      await Promise.race([done, failed.promise]);
      this.#failHandshake = () => {};
    } catch (error) {
      this.#leaveTls();
      throw error;
    }
    const agreed: { alpnProtocol?: string | false } = {};
    tls.getAlpnNegotiatedProtocol(agreed);
    return agreed.alpnProtocol || null;
  }

  /** What the client has presented in the handshake, in DER, its own first; empty when it presented none. */
  clientCertificates(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#tls?.getPeerCertificateChain()?.certificates.slice(0, MAX_CHAIN) ?? [];
  }

  /** Waits for bytes; only one may wait. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#chunks.length > 0) return Promise.resolve(this.#take(into));
    return this.#next(into);
  }

  /** Sends all of it, after what was to be written before. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      for (let at = 0; at < bytes.length; at += MAX_WRITE_BYTES) {
        await this.#send(bytes.subarray(at, at + MAX_WRITE_BYTES));
      }
    });
  }

  /** Says that no more comes, after what was to be written before. */
  closeWrite(): Promise<void> {
    return this.#inTurn(() => {
      this.#checkOpen();
      this.#isFinished = true;
      (this.#tls ?? this.#tcp).shutdown({ oncomplete() {} });
      return Promise.resolve();
    });
  }

  /** Frees the connection. What was written is still delivered, and the end with it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const error = new Error("The connection was closed");
    if (!this.#isFinished && (this.#end === null || this.#end.error === null)) {
      this.#tls?.shutdown({ oncomplete() {} });
    }
    this.#finish(error);
    this.#failWrite(error);
    this.#tcp.readStop();
    // Not within a call of the platform's, which may go on to use them.
    process.nextTick(() => {
      this.#tls?.cancelWrite();
      this.#tls?.destroySsl();
      this.#tcp.close();
      this.#onClose();
    });
  }

  /** What comes next, as much of it as there is room for; the rest is kept. */
  #next(into: Uint8Array): Promise<number | null> {
    if (this.#end !== null) {
      return this.#end.error === null ? Promise.resolve(null) : Promise.reject(this.#end.error);
    }
    this.#resume();
    return new Promise((resolve, reject) => this.#reader = { into, resolve, reject });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  #send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      if (this.#tls === null) throw new TypeError("Cannot write as there is no TLS");
      this.#failWrite = reject;
      const oncomplete = (status: number) => status < 0 ? reject(writeError(status)) : resolve();
      const status = this.#tls.writeBuffer({ oncomplete }, bytes);
      if (status !== 0) reject(writeError(status));
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("The connection was closed");
  }

  #arrived(bytes: Uint8Array): void {
    // The platform would keep what comes after the end of TLS (RFC 8446 section 6.1), however much it is.
    if (this.#tls === null) this.#deliver(bytes);
    else if (this.#end === null) this.#tls.receive(bytes);
  }

  #ended(isBroken: boolean): void {
    this.#tcp.readStop();
    // A reset after the end, as of a program that closes with bytes unread, looks like the end; but there is no peer then.
    const isReset = isBroken || !this.#isFinished && this.#tcp.getpeername({}) !== 0;
    this.#tcpEnd = { error: isReset ? new Deno.errors.ConnectionReset("Connection reset by peer") : null };
    if (!isReset) this.#tls?.emitEof();
    this.#finish(this.#tcpEnd.error);
  }

  /** What has come goes to who waits for it; the rest is kept. */
  #deliver(bytes: Uint8Array): void {
    const reader = this.#reader;
    if (reader === null) return this.#keep(bytes.slice());
    this.#reader = null;
    const count = Math.min(bytes.length, reader.into.length);
    reader.into.set(count === bytes.length ? bytes : bytes.subarray(0, count));
    reader.resolve(count);
    if (count < bytes.length) this.#keep(bytes.slice(count));
    else this.#pause();
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#pause();
  }

  #pause(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#tcp.readStop();
  }

  #resume(): void {
    if (this.#isReading || this.#closed) return;
    this.#isReading = true;
    this.#tcp.readStart();
  }

  #take(into: Uint8Array): number {
    let count = 0;
    for (let first = this.#chunks[0]; first !== undefined && count < into.length; first = this.#chunks[0]) {
      const part = first.subarray(0, into.length - count);
      into.set(part, count);
      count += part.length;
      if (part.length < first.length) this.#chunks[0] = first.subarray(part.length);
      else this.#chunks.shift();
    }
    return count;
  }

  #finish(error: Error | null): void {
    this.#end ??= { error };
    this.#failHandshake(error ?? new Error("The connection has ended"));
    const reader = this.#reader;
    this.#reader = null;
    if (this.#end.error === null) reader?.resolve(null);
    else reader?.reject(this.#end.error);
  }

  #leaveTls(): void {
    const tls = this.#tls;
    if (this.#closed) return;
    this.#tls = null;
    this.#end = this.#tcpEnd;
    process.nextTick(() => tls?.destroySsl());
  }
}

function writeError(status: number): Error {
  return new Deno.errors.BrokenPipe(`The connection broke (error ${status} of the system)`);
}
