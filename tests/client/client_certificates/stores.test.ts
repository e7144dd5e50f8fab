import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeCandidates } from "../../../lib/client/client_certificates/choose.ts";
import type { Candidate } from "../../../lib/client/client_certificates/candidate.ts";
import { nicknamesIn, nssCandidates } from "../../../lib/client/client_certificates/nss_database.ts";
import {
  certificateDirectory,
  directoryCandidates,
} from "../../../lib/client/client_certificates/store_directory.ts";
import { thumbprintsIn } from "../../../lib/client/client_certificates/system_store.ts";
import { type OpensslAuthority, opensslAuthority } from "../../_support/openssl_authority.ts";
import { requirePeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";

const PASSWORD = "database password";
/** The keys that `pk12util` writes take 600,000 rounds to read, three times over. */
const SLOW_MS = 120_000;

let authority: OpensslAuthority;
let home: string;
beforeAll(async () => {
  if (!requirePeer("openssl")) return;
  authority = await opensslAuthority("/O=Example/CN=Example users");
  home = await Deno.makeTempDir();
  for (const name of ["ann", "bob"]) {
    await authority.issue(name, { subject: `/CN=${name}` });
    const files = [
      "-inkey",
      `${name}.key`,
      "-in",
      `${name}.crt`,
      "-certfile",
      "ca.crt",
      "-name",
      `${name}'s own`,
    ];
    await authority.openssl("pkcs12", "-export", ...files, "-passout", "pass:", "-out", `${name}.p12`);
  }
});
afterAll(async () => {
  await authority?.[Symbol.asyncDispose]();
  if (home !== undefined) await Deno.remove(home, { recursive: true });
});

async function shown(candidates: readonly Candidate[]): Promise<string[]> {
  return await Array.fromAsync(candidates, async (found) => {
    const one = "open" in found ? await found.open() : found;
    const what = "fault" in one
      ? one.fault.code
      : `CN=${one.certificate.name.slice(3, 6)}, ${one.chain.length}`;
    return `${one.source.replace(home, "")}: ${what}`;
  });
}

describe("certificateDirectory()", () => {
  it.each<[string, Record<string, string>, string | null]>([
    ["linux", { HOME: "/home/ann" }, "/home/ann/.config/sallyport/certs"],
    ["linux", { HOME: "/home/ann", XDG_CONFIG_HOME: "/etc/ann" }, "/etc/ann/sallyport/certs"],
    ["darwin", { HOME: "/Users/ann" }, "/Users/ann/.config/sallyport/certs"],
    ["windows", { HOME: "/x", APPDATA: "/data" }, "/data/sallyport/certs"],
    ["linux", {}, null],
  ])("on %s with %j is %s", (os, env, directory) => {
    expect(certificateDirectory((name) => env[name], os)).toBe(directory);
  });
});

describe.skipIf(!requirePeer("openssl"))("directoryCandidates()", () => {
  it("takes each form by name of file, and says what is wrong with the others", async () => {
    const directory = `${home}/certs`;
    await Deno.mkdir(directory);
    const copy = (from: string, to: string) =>
      Deno.copyFile(`${authority.folder}/${from}`, `${directory}/${to}`);
    await copy("ann.crt", "d.crt");
    await copy("ann.key", "d.key");
    await copy("bob.p12", "c.p12");
    await copy("bob.p12", "b.PFX");
    await copy("ann.crt", "alone.crt");
    await copy("ann.crt", "e.txt");
    await copy("bob.crt", "mixed.crt");
    await copy("ann.key", "mixed.key");
    const pem = await Deno.readTextFile(`${authority.folder}/ann.key`) +
      await Deno.readTextFile(`${authority.folder}/ann.crt`);
    await Deno.writeTextFile(`${directory}/a.pem`, pem);
    await Deno.mkdir(`${directory}/folder.pem`);
    expect(await shown(await directoryCandidates(directory, { password: null }))).toEqual([
      "/certs/a.pem: CN=ann, 1",
      "/certs/alone.crt: pki/bad-key",
      "/certs/b.PFX: CN=bob, 2",
      "/certs/c.p12: CN=bob, 2",
      "/certs/d.crt: CN=ann, 1",
      "/certs/mixed.crt: pki/key-mismatch",
    ]);
  });

  it("finds nothing in a directory that is not there", async () => {
    expect(await directoryCandidates(`${home}/none`, { password: null })).toEqual([]);
  });
});

const NSS = ["openssl", "certutil", "pk12util"].map(requirePeer).every(Boolean);

describe.skipIf(!NSS)("nssCandidates()", () => {
  async function database(name: string, password: string): Promise<string> {
    const directory = `${home}/${name}`;
    await Deno.mkdir(directory, { recursive: true });
    await Deno.writeTextFile(`${directory}/password`, `${password}\n`);
    await Deno.writeTextFile(`${directory}/none`, "\n");
    const at = ["-d", `sql:${directory}`];
    await tool("certutil", "-N", ...at, "-f", `${directory}/password`);
    for (const one of ["ann", "bob"]) {
      const file = `${authority.folder}/${one}.p12`;
      await tool("pk12util", "-i", file, ...at, "-k", `${directory}/password`, "-w", `${directory}/none`);
    }
    return directory;
  }

  async function tool(program: string, ...args: string[]): Promise<void> {
    const { code, stderr } = await run([program, args]);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  }

  it("takes certificates with their keys, not authorities, out of a database with a password", async () => {
    const directory = await database("locked", PASSWORD);
    const candidates = await nssCandidates(directory, { password: PASSWORD });
    expect(candidates.map(({ chain }) => chain.length)).toEqual([2, 2]);
    expect(candidates.map(({ source }) => source)).toEqual([
      `sql:${directory} ann's own`,
      `sql:${directory} bob's own`,
    ]);
    expect(await shown(candidates.slice(1))).toEqual(["sql:/locked bob's own: CN=bob, 2"]);
    for (const password of [null, "another"]) {
      expect((await shown(await nssCandidates(directory, { password }))).sort()).toEqual([
        "sql:/locked ann's own: pki/bad-key",
        "sql:/locked bob's own: pki/bad-key",
      ]);
    }
  }, SLOW_MS);

  it("comes after the directory, and leaves nothing behind", async () => {
    await database(".pki/nssdb", "");
    await Deno.mkdir(`${home}/.config/sallyport/certs`, { recursive: true });
    await Deno.copyFile(`${authority.folder}/bob.p12`, `${home}/.config/sallyport/certs/bob.p12`);
    const temporary = await Deno.makeTempDir();
    const before = Deno.env.get("TMPDIR");
    Deno.env.set("TMPDIR", temporary);
    try {
      const env = (name: string) => name === "HOME" ? home : undefined;
      const found = await storeCandidates({ env, os: "linux", password: null });
      expect(found.map(({ source }) => source.replace(home, ""))).toEqual([
        "/.config/sallyport/certs/bob.p12",
        "sql:/.pki/nssdb ann's own",
        "sql:/.pki/nssdb bob's own",
      ]);
      expect(await shown(found.slice(1, 2))).toEqual(["sql:/.pki/nssdb ann's own: CN=ann, 2"]);
    } finally {
      if (before === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", before);
    }
    expect([...Deno.readDirSync(temporary)]).toEqual([]);
    await Deno.remove(temporary);
  }, SLOW_MS);

  it("finds nothing where there is no database", async () => {
    expect(await nssCandidates(`${home}/none`, { password: null })).toEqual([]);
  });
});

describe("nicknamesIn()", () => {
  it("tells which have a key", () => {
    const listing = "\nCertificate Nickname      Trust Attributes\n          SSL,S/MIME,JAR/XPI\n\n" +
      "ann, of Example          u,u,u\nCA        CTu,Cu,Cu\nOther CA          CT,C,C\nBad   ,,   \n";
    expect(nicknamesIn(listing)).toEqual([
      { nickname: "ann, of Example", hasKey: true },
      { nickname: "CA", hasKey: true },
      { nickname: "Other CA", hasKey: false },
      { nickname: "Bad", hasKey: false },
    ]);
  });
});

describe("thumbprintsIn()", () => {
  it("takes the SHA-1 of each certificate, in any language", () => {
    const pair = (byte: string) => Array(20).fill(byte).join(" ");
    const listing = `Serial Number: 12ab\r\nCert Hash(sha1): ${pair("a1")}\r\n` +
      `Zertifikathash(sha1): ${"0c".repeat(20)}\r\n`;
    expect(thumbprintsIn(listing)).toEqual(["a1".repeat(20), "0c".repeat(20)]);
  });
});
