import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { verifySshSignature } from "../../lib/codec/ssh_signature.ts";
import { SshReader, sshString } from "../../lib/codec/ssh_wire.ts";
import {
  type SecurityKeyKind,
  SoftwareSecurityKey,
  USER_PRESENT,
  USER_VERIFIED,
} from "../_support/security_key.ts";

const data = utf8("what is signed");

describe.each<SecurityKeyKind>(["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])(
  "verifySshSignature() with %s",
  (kind) => {
    const key = new SoftwareSecurityKey(kind);
    const verify = (signature: Uint8Array, publicKey = key.blob) =>
      verifySshSignature(publicKey, { signature, data });

    it.each([
      ["touched", USER_PRESENT!, 0],
      ["touched for the last time", USER_PRESENT!, 2 ** 32 - 1],
      ["touched, and its user recognized", USER_PRESENT! | USER_VERIFIED!, 1],
    ])("takes the signature of a key that was %s", (_, flags, counter) => {
      // Numbers of ECDSA are shorter at times.
      for (let i = 0; i < 20; i++) expect(verify(key.sign(data, { flags, counter }))).toBe(true);
    });

    it.each([["nobody has touched", 0], ["has recognized its user, who has not touched it", USER_VERIFIED!]])(
      "refuses that of a key that %s",
      (_, flags) => expect(verify(key.sign(data, { flags }))).toBe(false),
    );

    it("refuses every byte that was changed", () => {
      const signature = key.sign(data);
      for (let at = 0; at < signature.length; at++) {
        const changed = signature.slice();
        changed[at]! ^= 4;
        expect([at, verify(changed)]).toEqual([at, false]);
      }
    });

    it("refuses what was signed for another application, by another key, or for something else", () => {
      const blob = concatBytes([key.blob.subarray(0, -4), utf8("web:")]);
      expect(verify(key.sign(data), blob)).toBe(false);
      expect(verify(new SoftwareSecurityKey(kind).sign(data))).toBe(false);
      expect(verify(key.sign(utf8("something else")))).toBe(false);
    });

    it("refuses a signature without what the key says of its user, or with more than that", () => {
      const signature = key.sign(data);
      const reader = new SshReader(signature);
      const plain = concatBytes([sshString(reader.text()), sshString(reader.bytes())]);
      expect(verify(plain)).toBe(false);
      expect(verify(signature.subarray(0, -1))).toBe(false);
      expect(verify(concatBytes([signature, Uint8Array.of(0)]))).toBe(false);
    });
  },
);
