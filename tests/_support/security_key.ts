import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { concatBytes, decodeBase64, utf8 } from "../../lib/base/bytes.ts";
import { SshReader, sshString, sshUint32, sshUnsigned } from "../../lib/codec/ssh_wire.ts";

/** The kinds of security keys that SSH knows (PROTOCOL.u2f of OpenSSH). */
export type SecurityKeyKind = "sk-ssh-ed25519@openssh.com" | "sk-ecdsa-sha2-nistp256@openssh.com";

/** Somebody has touched it; and has been recognized. */
export const [USER_PRESENT, USER_VERIFIED] = [1, 4];

/** A security key in software: what a FIDO authenticator signs is made as the format says, with a key of the test. */
export class SoftwareSecurityKey {
  /** The public key in wire format. */
  readonly blob: Uint8Array;
  readonly #kind: SecurityKeyKind;
  readonly #key: KeyObject;
  readonly #application: string;

  constructor(kind: SecurityKeyKind, { application = "ssh:" } = {}) {
    this.#kind = kind;
    this.#application = application;
    const { privateKey } = kind === "sk-ssh-ed25519@openssh.com"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = privateKey;
    const { x, y } = privateKey.export({ format: "jwk" });
    const parts = y === undefined ? [sshString(decodeBase64(x!)!)] : [
      sshString("nistp256"),
      sshString(concatBytes([Uint8Array.of(4), decodeBase64(x!)!, decodeBase64(y)!])),
    ];
    this.blob = concatBytes([sshString(kind), ...parts, sshString(application)]);
  }

  /** A signature in wire format. @param facts what it says of its user, and how often it has signed */
  sign(data: Uint8Array, { flags = USER_PRESENT!, counter = 7 } = {}): Uint8Array {
    const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
    const said = concatBytes([Uint8Array.of(flags), sshUint32(counter)]);
    const signed = concatBytes([hash(utf8(this.#application)), said, hash(data)]);
    return concatBytes([sshString(this.#kind), sshString(this.#signatureOf(signed)), said]);
  }

  #signatureOf(signed: Uint8Array): Uint8Array {
    if (this.#kind === "sk-ssh-ed25519@openssh.com") return sign(null, signed, this.#key);
    const value = sign("sha256", signed, { key: this.#key, dsaEncoding: "ieee-p1363" });
    return concatBytes([sshUnsigned(value.subarray(0, 32)), sshUnsigned(value.subarray(32))]);
  }
}

const AGENT = { failure: 5, requestIdentities: 11, identities: 12, signRequest: 13, signature: 14 };

/** An agent (draft-miller-ssh-agent) that has one security key. Disposing it closes it. */
export class SecurityKeyAgent implements Disposable {
  readonly #listener: Deno.UnixListener;
  readonly #key: SoftwareSecurityKey;
  readonly #flags: number;

  /** Listens at `path`. */
  constructor(path: string, { key, flags = USER_PRESENT! }: { key: SoftwareSecurityKey; flags?: number }) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#key = key;
    this.#flags = flags;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) this.#serve(conn).catch(() => {});
    } catch {
      // It was closed.
    }
  }

  async #serve(conn: Deno.UnixConn): Promise<void> {
    let input: Uint8Array = new Uint8Array();
    for await (const chunk of conn.readable) {
      input = concatBytes([input, chunk]);
      while (input.length >= 4 && input.length >= 4 + new SshReader(input).uint32()) {
        const request = new SshReader(input).bytes();
        input = input.subarray(4 + request.length);
        await conn.write(sshString(this.#answer(request)));
      }
    }
  }

  #answer(request: Uint8Array): Uint8Array {
    const reader = new SshReader(request);
    const { blob } = this.#key;
    switch (reader.byte()) {
      case AGENT.requestIdentities:
        return concatBytes([
          Uint8Array.of(AGENT.identities),
          sshUint32(1),
          sshString(blob),
          sshString("test"),
        ]);
      case AGENT.signRequest: {
        reader.bytes();
        const signature = this.#key.sign(reader.bytes(), { flags: this.#flags });
        return concatBytes([Uint8Array.of(AGENT.signature), sshString(signature)]);
      }
      default:
        return Uint8Array.of(AGENT.failure);
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}
