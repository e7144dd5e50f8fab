import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign as signData } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import {
  certificateTimeMs,
  encodeSshCertificate,
  isCertificateType,
  parseSshCertificate,
} from "../../lib/codec/ssh_certificate.ts";
import {
  formatSshKey,
  parseSshKeyLine,
  parseSshPublicKey,
  sshFingerprint,
  sshKeyType,
} from "../../lib/codec/ssh_public_key.ts";
import { verifySshSignature } from "../../lib/codec/ssh_signature.ts";
import { sshString } from "../../lib/codec/ssh_wire.ts";
import { requirePeer } from "../_support/peers.ts";

const KINDS = [
  ["ed25519", []],
  ["ecdsa", ["-b", "256"]],
  ["ecdsa", ["-b", "384"]],
  ["ecdsa", ["-b", "521"]],
  ["rsa", ["-b", "2048"]],
] as const;

describe.skipIf(!requirePeer("ssh-keygen"))("certificates of ssh-keygen", () => {
  let folder: string;
  const keygen = async (...args: string[]) => {
    const output = await new Deno.Command("ssh-keygen", { args, cwd: folder, stdin: "null" }).output();
    if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
    return { stdout: new TextDecoder().decode(output.stdout) };
  };
  const blobIn = async (file: string) => parseSshKeyLine(await Deno.readTextFile(join(folder, file)))!;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await keygen("-q", "-t", "ed25519", "-N", "", "-f", "authority");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it.each(KINDS)("are read, for a key of %s %j", async (type, size) => {
    const name = `${type}${size.join("")}`;
    await keygen("-q", "-t", type, ...size, "-N", "", "-f", name);
    const options = ["-n", "ada,root", "-V", "20260101000000Z:20260102000000Z", "-z", "7", "-O", "no-pty"];
    await keygen(
      "-q",
      "-s",
      "authority",
      "-I",
      "laptop",
      ...options,
      "-O",
      "source-address=10.0.0.0/8",
      `${name}.pub`,
    );
    const key = await blobIn(`${name}.pub`);
    const certificate = await blobIn(`${name}-cert.pub`);
    expect(isCertificateType(sshKeyType(certificate))).toBe(true);
    const read = parseSshCertificate(certificate);
    expect({
      ...read,
      publicKey: formatSshKey(read.publicKey),
      authorityKey: formatSshKey(read.authorityKey),
    })
      .toMatchObject({
        publicKey: formatSshKey(key),
        authorityKey: formatSshKey(await blobIn("authority.pub")),
        serial: 7n,
        type: "user",
        keyId: "laptop",
        principals: ["ada", "root"],
      });
    expect(certificateTimeMs(read.validBefore) - certificateTimeMs(read.validAfter)).toBe(86_400_000);
    expect([...read.criticalOptions.keys()]).toEqual(["source-address"]);
    expect(read.extensions.has("permit-pty")).toBe(false);
    expect(verifySshSignature(read.authorityKey, { signature: read.signature, data: read.signed })).toBe(
      true,
    );
    const forged = Uint8Array.from(read.signed);
    forged[forged.length - 60]! ^= 1;
    expect(verifySshSignature(read.authorityKey, { signature: read.signature, data: forged })).toBe(false);
  });

  it.each(KINDS)("are signed by an authority of %s %j", async (type, size) => {
    const name = `by-${type}${size.join("")}`;
    await keygen("-q", "-t", type, ...size, "-N", "", "-f", name);
    await keygen("-q", "-t", "ed25519", "-N", "", "-f", `${name}-user`);
    await keygen("-q", "-s", name, "-I", "laptop", "-n", "ada", `${name}-user.pub`);
    const read = parseSshCertificate(await blobIn(`${name}-user-cert.pub`));
    expect(verifySshSignature(read.authorityKey, { signature: read.signature, data: read.signed })).toBe(
      true,
    );
    expect(certificateTimeMs(read.validBefore)).toBe(Infinity);
  });

  it("that we write are read by ssh-keygen", async () => {
    await keygen("-q", "-t", "ed25519", "-N", "", "-f", "ours");
    const { publicKey: authority, privateKey } = generateKeyPairSync("ed25519");
    const x = Buffer.from(authority.export({ format: "jwk" }).x!, "base64url");
    const certificate = encodeSshCertificate({
      publicKey: await blobIn("ours.pub"),
      serial: 1n,
      type: "user",
      keyId: "",
      principals: ["ada"],
      validAfter: 1_767_225_600n,
      validBefore: 1_767_229_200n,
      criticalOptions: new Map(),
      extensions: new Map([["permit-pty", utf8("")], ["permit-X11-forwarding", utf8("")]]),
    }, {
      nonce: new Uint8Array(32),
      authorityKey: concatBytes([sshString("ssh-ed25519"), sshString(x)]),
      sign: (bytes) => concatBytes([sshString("ssh-ed25519"), sshString(signData(null, bytes, privateKey))]),
    });
    await Deno.writeTextFile(join(folder, "ours-cert.pub"), `${formatSshKey(certificate)}\n`);
    const { stdout } = await keygen("-L", "-f", "ours-cert.pub");
    expect(stdout).toContain("Type: ssh-ed25519-cert-v01@openssh.com user certificate");
    expect(stdout).toMatch(/Principals: \s+ada/);
    expect(stdout).toMatch(/Extensions: \s+permit-X11-forwarding\s+permit-pty/);
    const read = parseSshCertificate(certificate);
    expect(verifySshSignature(read.authorityKey, { signature: read.signature, data: read.signed })).toBe(
      true,
    );
  });

  it("and keys have the fingerprint of ssh-keygen -l", async () => {
    const { stdout } = await keygen("-l", "-f", "authority.pub");
    expect(stdout).toContain(` ${sshFingerprint(await blobIn("authority.pub"))} `);
  });

  it("are refused at every length but their own", async () => {
    await keygen("-q", "-t", "ed25519", "-N", "", "-f", "cut");
    await keygen("-q", "-s", "authority", "-I", "laptop", "-n", "ada", "cut.pub");
    const certificate = await blobIn("cut-cert.pub");
    for (let length = 0; length < certificate.length; length++) {
      expect(() => parseSshCertificate(certificate.subarray(0, length))).toThrow(CodecError);
    }
    expect(() => parseSshCertificate(concatBytes([certificate, new Uint8Array(1)]))).toThrow(CodecError);
  });
});

describe("parseSshPublicKey()", () => {
  const ed25519 = concatBytes([sshString("ssh-ed25519"), sshString(new Uint8Array(32).fill(7))]);

  it.each([
    ["a key of another type", concatBytes([sshString("ssh-dss"), sshString("x")]), "codec/unexpected"],
    ["a key that is cut off", ed25519.subarray(0, 40), "codec/truncated"],
    ["what follows a key", concatBytes([ed25519, sshString("")]), "codec/malformed"],
    ["an RSA key with an exponent of 9 bytes", rsa(256, 9), "codec/malformed"],
    ["an RSA key of 512 bits", rsa(64, 3), "codec/malformed"],
    [
      "a point of another curve",
      concatBytes([
        sshString("ecdsa-sha2-nistp256"),
        sshString("nistp384"),
        sshString(new Uint8Array(97).fill(4)),
      ]),
      "codec/malformed",
    ],
    [
      "a point that is not on its curve",
      concatBytes([
        sshString("ecdsa-sha2-nistp256"),
        sshString("nistp256"),
        sshString(new Uint8Array(65).fill(4)),
      ]),
      "codec/malformed",
    ],
  ])("refuses %s", (_, blob, code) => {
    expect(() => parseSshPublicKey(blob)).toThrow(expect.objectContaining({ code }));
  });

  function rsa(modulusBytes: number, exponentBytes: number): Uint8Array {
    const number = (length: number) =>
      sshString(concatBytes([new Uint8Array(1), new Uint8Array(length).fill(255)]));
    return concatBytes([sshString("ssh-rsa"), number(exponentBytes), number(modulusBytes)]);
  }
});
