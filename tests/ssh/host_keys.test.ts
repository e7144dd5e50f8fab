import { Buffer } from "node:buffer";
import { createPrivateKey } from "node:crypto";
import { describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2, { type ParsedKey } from "ssh2";
import { writeSshPrivateKey } from "../../lib/codec/write_ssh_private_key.ts";
import { makePrivateKey, readHostKey, readPrivateKey } from "../../lib/ssh/host_keys.ts";
import { requirePeer } from "../_support/peers.ts";

const SOURCE = { source: "a test" };

/** What `ssh-keygen -y` makes of a private key. */
async function publicLine(pem: string): Promise<string> {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, pem, { mode: 0o600 });
  const { stdout, stderr } = await new Deno.Command("ssh-keygen", { args: ["-y", "-f", file] }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
}

describe("makePrivateKey()", () => {
  it.skipIf(!requirePeer("ssh-keygen")).each(["ed25519", "rsa"] as const)(
    "makes a key of %s that others read",
    async (type) => {
      const pem = await makePrivateKey(type);
      expect(await publicLine(pem)).toBe(readPrivateKey(pem, SOURCE).line);
    },
  );
});

describe("writeSshPrivateKey()", () => {
  it.skipIf(!requirePeer("ssh-keygen"))("keeps the zeros that a key begins with", async () => {
    // PKCS #8 around a private key of Ed25519 (RFC 8410 section 7).
    const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
    for (let n = 0, found = 0; found < 2; n++) {
      const seed = new Uint8Array(32);
      new DataView(seed.buffer).setUint32(28, n);
      const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
      const publicKey = Buffer.from(key.export({ format: "jwk" }).x!, "base64url");
      if (publicKey[0] !== 0) continue;
      found++;
      const pem = writeSshPrivateKey({ seed, publicKey, check: new Uint8Array(4) });
      expect(await publicLine(pem)).toBe(readPrivateKey(pem, SOURCE).line);
    }
  });
});

describe("readPrivateKey()", () => {
  it.skipIf(!requirePeer("ssh-keygen"))("reads keys of ECDSA so that ssh2 can sign with them", async () => {
    const folder = await Deno.makeTempDir();
    for (let n = 0; n < 12; n++) {
      const file = `${folder}/${n}`;
      const args = ["-q", "-t", "ecdsa", "-b", ["256", "384"][n % 2]!, "-N", "", "-f", file];
      await new Deno.Command("ssh-keygen", { args }).output();
      const key = ssh2.utils.parseKey(readPrivateKey(await Deno.readTextFile(file), SOURCE).pem) as ParsedKey;
      const signature = key.sign("text");
      expect(signature).not.toBeInstanceOf(Error);
      expect(key.verify("text", signature)).toBe(true);
    }
    await Deno.remove(folder, { recursive: true });
  });

  const SECRET = "c2VjcmV0";

  it.each([
    ["nothing", "", "ssh/bad-key"],
    ["a public key", `ssh-ed25519 ${SECRET}`, "ssh/bad-key"],
    [
      "no key",
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${SECRET}\n-----END OPENSSH PRIVATE KEY-----`,
      "ssh/bad-key",
    ],
  ])("refuses %s, and shows nothing of it", (_, pem, code) => {
    const read = () => readPrivateKey(pem, SOURCE);
    expect(read).toThrow(expect.objectContaining({ code }));
    expect(read).not.toThrow(SECRET);
  });

  it.skipIf(!requirePeer("ssh-keygen")).each([
    [["-t", "ed25519", "-N", "a passphrase"], "ssh/bad-key"],
    [["-t", "ecdsa", "-b", "521", "-N", ""], "ssh/bad-key"],
    [["-t", "rsa", "-b", "1024", "-N", ""], "ssh/weak-key"],
  ])("refuses what ssh-keygen makes with %j", async (args, code) => {
    const folder = await Deno.makeTempDir();
    await new Deno.Command("ssh-keygen", { args: ["-q", ...args, "-f", `${folder}/key`] }).output();
    const pem = await Deno.readTextFile(`${folder}/key`);
    expect(() => readHostKey(pem, SOURCE)).toThrow(expect.objectContaining({ code }));
    await Deno.remove(folder, { recursive: true });
  });
});
