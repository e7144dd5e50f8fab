import { concatBytes, utf8 } from "../../lib/base/bytes.ts";

/** A public key of SSH (RFC 4253 section 6.6) of the type, with `seed` in place of what makes it a key. */
export function sshKey(seed: string, type = "ssh-ed25519"): { blob: Uint8Array; line: string } {
  const blob = concatBytes([text(type), text(seed.padEnd(32, "."))]);
  return { blob, line: `${type} ${btoa(String.fromCharCode(...blob))}` };
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes([length, bytes]);
}
