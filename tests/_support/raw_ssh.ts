import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { sshString, sshUint32 } from "../../lib/codec/ssh_wire.ts";

/** An SSH client that sends what it is told, without encryption. Disposing it closes it. */
export class RawSsh implements Disposable {
  readonly #conn: Deno.TcpConn;
  /** Everything that has come. */
  received = new Uint8Array() as Uint8Array;
  /** Resolves when the server has ended. */
  readonly ended: Promise<void>;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.ended = this.#read();
  }

  /** Connects to a port of this machine. */
  static async connect(port: number): Promise<RawSsh> {
    return new RawSsh(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Whether the server has said anything of this message type, without encryption. */
  hasMessage(type: number): boolean {
    return this.messages().includes(type);
  }

  /** The types of the messages that came without encryption. */
  messages(): number[] {
    const line = this.received.indexOf(10);
    const types: number[] = [];
    const view = new DataView(this.received.buffer, this.received.byteOffset, this.received.byteLength);
    for (let at = line + 1; line >= 0 && at + 6 <= this.received.length; at += 4 + view.getUint32(at)) {
      types.push(this.received[at + 5]!);
    }
    return types;
  }

  /** Sends bytes as they are; what the server does not take any more is dropped. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = concatBytes(parts);
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch {
      // It has left.
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (let count = await this.#conn.read(buffer); count !== null; count = await this.#conn.read(buffer)) {
        this.received = concatBytes([this.received, buffer.subarray(0, count)]);
      }
    } catch {
      // Reset, or closed by us.
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}

/** The line that begins a connection (RFC 4253 section 4.2). */
export const IDENT = utf8("SSH-2.0-test\r\n");

/** A message as a packet without encryption (RFC 4253 section 6). */
export function packet(...payload: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concatBytes(payload);
  const padding = 8 + (8 - (5 + body.length) % 8) % 8;
  return concatBytes([
    sshUint32(1 + body.length + padding),
    Uint8Array.of(padding),
    body,
    new Uint8Array(padding),
  ]);
}

/** SSH_MSG_KEXINIT (RFC 4253 section 7.1) of a client. */
export function kexinit(options: { isStrict: boolean; cipher?: string }): Uint8Array<ArrayBuffer> {
  const kex = ["curve25519-sha256", ...options.isStrict ? ["kex-strict-c-v00@openssh.com"] : []].join(",");
  const cipher = options.cipher ?? "chacha20-poly1305@openssh.com";
  const mac = "hmac-sha2-256-etm@openssh.com";
  const lists = [kex, "ssh-ed25519", cipher, cipher, mac, mac, "none", "none", "", ""];
  return packet(Uint8Array.of(20), new Uint8Array(16), ...lists.map(sshString), new Uint8Array(5));
}
