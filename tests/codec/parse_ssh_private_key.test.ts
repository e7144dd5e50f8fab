import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { parseSshPrivateKey } from "../../lib/codec/parse_ssh_private_key.ts";
import { formatSshKey } from "../../lib/codec/ssh_public_key.ts";
import { verifySshSignature } from "../../lib/codec/ssh_signature.ts";
import { sshSigner } from "../../lib/codec/ssh_signer.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";

const DATA = new TextEncoder().encode("what is signed");

describe.skipIf(!requirePeer("ssh-keygen"))("a private key that ssh-keygen has made", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  async function keygen(...args: string[]): Promise<{ text: string; line: string }> {
    const file = `${folder}/${crypto.randomUUID()}`;
    const { code, stderr } = await run(["ssh-keygen", ["-q", "-f", file, ...args]]);
    if (code !== 0) throw new Error(stderr);
    const line = (await Deno.readTextFile(`${file}.pub`)).split(" ").slice(0, 2).join(" ");
    return { text: await Deno.readTextFile(file), line };
  }

  it.each([
    ["-t ed25519", "ssh-ed25519"],
    ["-t ecdsa -b 256", "ecdsa-sha2-nistp256"],
    ["-t ecdsa -b 384", "ecdsa-sha2-nistp384"],
    ["-t ecdsa -b 521", "ecdsa-sha2-nistp521"],
    ["-t ecdsa -b 256 -m PEM", "ecdsa-sha2-nistp256"],
    ["-t ecdsa -b 256 -m PKCS8", "ecdsa-sha2-nistp256"],
    ["-t rsa -b 2048", "rsa-sha2-512"],
    ["-t rsa -b 2048 -m PEM", "rsa-sha2-512"],
  ])("is read, and signs as its public key says: %s", async (kind, algorithm) => {
    const { text, line } = await keygen(...kind.split(" "), "-N", "");
    const signer = sshSigner(parseSshPrivateKey(text));
    expect(formatSshKey(signer.publicKey)).toBe(line);
    expect(signer.algorithm).toBe(algorithm);
    const signature = signer.sign(DATA);
    expect(verifySshSignature(signer.publicKey, { signature, data: DATA })).toBe(true);
    expect(verifySshSignature(signer.publicKey, { signature, data: DATA.subarray(1) })).toBe(false);
  });

  it("is refused when it has a passphrase, without a word of it in the message", async () => {
    const { text } = await keygen("-t", "ed25519", "-N", "a passphrase");
    const error = caught(() => parseSshPrivateKey(text));
    expect(error).toMatchObject({ code: "codec/unexpected" });
    expect(String(error)).not.toContain(text.split("\n")[1]);
  });

  it("is refused when it is cut short, at any place", async () => {
    const { text } = await keygen("-t", "ed25519", "-N", "");
    const [head = "", ...lines] = text.trim().split("\n");
    const foot = lines.pop();
    const bytes = Uint8Array.fromBase64(lines.join(""));
    for (let length = 0; length < bytes.length - 40; length++) {
      const cut = [head, bytes.subarray(0, length).toBase64(), foot].join("\n");
      expect(caught(() => parseSshPrivateKey(cut))).toBeInstanceOf(CodecError);
    }
  });
});

describe("parseSshPrivateKey()", () => {
  it.each([
    ["nothing", ""],
    ["a public key", "ssh-ed25519 AAAA"],
    ["no base64", "-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----"],
    [
      "too much",
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${"A".repeat(40_000)}\n-----END OPENSSH PRIVATE KEY-----`,
    ],
  ])("refuses %s", (_, text) => {
    expect(caught(() => parseSshPrivateKey(text))).toMatchObject({ code: "codec/unexpected" });
  });
});

describe("sshSigner()", () => {
  it("refuses a kind of keys that SSH has not", () => {
    const pem = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" });
    expect(caught(() => sshSigner(createPrivateKey(pem)))).toMatchObject({ code: "codec/unexpected" });
  });
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
