import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseKnownHost } from "../../lib/codec/known_hosts.ts";
import { formatSshKey } from "../../lib/codec/ssh_public_key.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

function known(line: string) {
  const host = parseKnownHost(line);
  if (host === null || typeof host === "string") throw new Error(String(host));
  return host;
}

describe("parseKnownHost()", () => {
  it.each([
    ["db.test", "db.test", 22, true],
    ["DB.test", "db.TEST", 22, true],
    ["db.test", "db.test", 23, false],
    ["[db.test]:23", "db.test", 23, true],
    ["[db.test]:23", "db.test", 22, false],
    ["other,db.test,10.0.0.5", "10.0.0.5", 22, true],
    ["*.test", "db.test", 22, true],
    ["*.test", "db.example", 22, false],
    ["d?.test", "db.test", 22, true],
    ["d?.test", "dbb.test", 22, false],
    ["*.test,!db.test", "db.test", 22, false],
    ["*.test,!db.test", "web.test", 22, true],
    ["!db.test", "web.test", 22, false],
    ["[*]:2222", "db.test", 2222, true],
    ["2001:db8::1", "2001:db8::1", 22, true],
    ["*a*b*c", "xxaxxbxxc", 22, true],
    ["*a*b*c", "xxaxxbxxcx", 22, false],
  ])("takes %s for %s port %i: %s", (names, host, port, matches) => {
    expect(known(`${names} ${KEY}`).matches(host, port)).toBe(matches);
  });

  it("reads the key, whatever comment follows", () => {
    expect(formatSshKey(known(`db.test ${KEY} somebody's key`).key)).toBe(KEY);
  });

  it("tells keys that are revoked", () => {
    expect(known(`@revoked * ${KEY}`).isRevoked).toBe(true);
    expect(known(`db.test ${KEY}`).isRevoked).toBe(false);
  });

  it.each([
    ["", null],
    ["   ", null],
    ["# a comment", null],
    [`@cert-authority *.test ${KEY}`, "authority"],
    [`@unknown db.test ${KEY}`, "malformed"],
    ["db.test", "malformed"],
    ["db.test ssh-ed25519", "malformed"],
    ["db.test ssh-ed25519 AAAA", "malformed"],
    [`db.test ${KEY.replace("ssh-ed25519", "ssh-rsa")}`, "malformed"],
    [`db;test ${KEY}`, "malformed"],
    [`|2|AAAA|AAAA ${KEY}`, "malformed"],
  ])("says of %j: %s", (line, expected) => {
    expect(parseKnownHost(line)).toBe(expected);
  });

  it("takes no more than the product of both lengths for a pattern", () => {
    const names = `${"*a".repeat(149)}b`;
    expect(known(`${names} ${KEY}`).matches("a".repeat(253), 22)).toBe(false);
  });

  describe.skipIf(!requirePeer("ssh-keygen"))("with names that ssh-keygen has hashed", () => {
    let folder: string;
    let lines: string[];
    beforeAll(async () => {
      folder = await Deno.makeTempDir();
      await Deno.writeTextFile(`${folder}/known_hosts`, `db.test ${KEY}\n[db.test]:2222 ${KEY}\n`);
      await run(["ssh-keygen", ["-q", "-H", "-f", `${folder}/known_hosts`]]);
      lines = (await Deno.readTextFile(`${folder}/known_hosts`)).trim().split("\n");
    });
    afterAll(() => Deno.remove(folder, { recursive: true }));

    it.each([[0, 22], [1, 2222]])("finds the server of line %i at port %i only", (index, port) => {
      const line = lines[index]!;
      expect(line).toMatch(/^\|1\|/);
      expect([22, 2222].filter((other) => known(line).matches("db.test", other))).toEqual([port]);
      expect(known(line).matches("other.test", port)).toBe(false);
    });
  });
});
