import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../lib/cli/main.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { type FakeIo, fakeIo, type FakeIoOptions } from "./_fake_io.ts";

const PASSWORD = "pässword 1";

describe.skipIf(!requirePeer("openssl"))("client certificates on the command line", () => {
  let [users, devices]: OpensslAuthority[] = [];
  let folder: string;
  let config: string;
  let gateway: Server;
  let url: string;
  let connections = 0;

  beforeAll(async () => {
    users = await opensslAuthority("/O=Example/CN=Example users");
    devices = await opensslAuthority("/O=Example/CN=Example devices");
    ({ folder } = users);
    const extensions = ["extendedKeyUsage=clientAuth"];
    await users.issue("ann", { subject: "/O=Example/CN=ann", extensions });
    await users.issue("bob", { subject: "/O=Example/CN=bob", extensions });
    const pass = ["-passout", `pass:${PASSWORD}`];
    await users.openssl(
      "pkcs12",
      "-export",
      "-inkey",
      "ann.key",
      "-in",
      "ann.crt",
      "-out",
      "ann.p12",
      ...pass,
    );
    await users.openssl("pkcs8", "-topk8", "-in", "ann.key", "-out", "ann.enc", ...pass);
    config = `${folder}/config`;
    await Deno.mkdir(`${config}/sallyport/certs`, { recursive: true });
    const store = async (name: string, pair: { certPem: string; keyPem: string }) =>
      await Deno.writeTextFile(`${config}/sallyport/certs/${name}.pem`, pair.keyPem + pair.certPem);
    await store("1-laptop", await devices.issue("laptop", { subject: "/CN=laptop", extensions }));
    await store("2-ann", { ...await pairOf("ann") });
    await store("3-bob", { ...await pairOf("bob") });
    gateway = await startGateway();
    url = `https://localhost:${(gateway.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    gateway?.close();
    await users?.[Symbol.asyncDispose]();
    await devices?.[Symbol.asyncDispose]();
  });
  beforeEach(() => void (connections = 0));

  async function pairOf(name: string) {
    return {
      certPem: await Deno.readTextFile(`${folder}/${name}.crt`),
      keyPem: await Deno.readTextFile(`${folder}/${name}.key`),
    };
  }

  /** Lets in whoever shows a certificate of the users' authority, and calls them by its name. */
  async function startGateway(): Promise<Server> {
    const extensions = ["subjectAltName=DNS:localhost"];
    const { certPem: cert, keyPem: key } = await devices!.issue("server", { subject: "/CN=x", extensions });
    const server = createServer(
      { cert, key, ca: [users!.certPem], requestCert: true },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        response.end(JSON.stringify({ sub: subject.CN }));
      },
    );
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  function process(options: FakeIoOptions = {}): FakeIo {
    const files = {
      "ca.pem": devices!.certPem,
      "password": `${PASSWORD}\n`,
      "wrong": "password 1\n",
      ...options.files,
    };
    return fakeIo({ ...options, env: { XDG_CONFIG_HOME: config }, files });
  }

  async function whoami(io: FakeIo, ...args: string[]): Promise<number> {
    const own = args.map((arg) => /^ann\./.test(arg) ? `${folder}/${arg}` : arg);
    return await main(["whoami", url, "--service-account", "x", "--alternate-ca-path", "ca.pem", ...own], io);
  }

  const FROM_STORE = "--client-cert-from-store";

  it.each<[string, string[], string]>([
    ["from two files", ["--client-cert", "ann.crt", "--client-key", "ann.key"], "ann"],
    [
      "with an encrypted key",
      ["--client-cert", "ann.crt", "--client-key", "ann.enc", "--client-cert-password-file", "password"],
      "ann",
    ],
    ["from PKCS#12", ["--client-cert", "ann.p12", "--client-cert-password-file", "password"], "ann"],
    ["from the store: the first from an authority that the gateway accepts", [FROM_STORE], "ann"],
    ["from the store, by subject", [FROM_STORE, "--client-cert-subject", "CN=bob"], "bob"],
    [
      "from the store, by both names",
      [FROM_STORE, "--client-cert-issuer", "cn=Example users", "--client-cert-subject=commonName=ann"],
      "ann",
    ],
  ])("shows one %s", async (_title, args, name) => {
    const io = process();
    expect(await whoami(io, ...args)).toBe(0);
    expect(io.out()).toBe(`sub: ${name}\n`);
    expect(io.err()).toBe("");
  });

  it.each([["ann.p12", "ann.p12", []], ["ann.crt", "ann.enc", ["--client-key", "ann.enc"]]])(
    "asks for the password of %s on the terminal when it needs one",
    async (certificate, asked, args) => {
      const prompts: string[] = [];
      const askPassword = (prompt: string) => {
        prompts.push(prompt);
        return PASSWORD;
      };
      const io = process({ askPassword });
      expect(await whoami(io, "--client-cert", certificate, ...args)).toBe(0);
      expect(io.out()).toBe("sub: ann\n");
      expect(prompts).toEqual([`Password of ${folder}/${asked}: `]);
    },
  );

  it.each<[string, string[], string]>([
    [
      "the filter has no =",
      [FROM_STORE, "--client-cert-issuer", "Example"],
      "expected filter format attr=value",
    ],
    [
      "the attribute is unknown",
      [FROM_STORE, "--client-cert-subject", "UID=ann"],
      'unsupported attribute "UID"',
    ],
    ["there are two sources", [FROM_STORE, "--client-cert", "ann.crt"], "Both --client-cert and"],
    ["there is a key alone", ["--client-key", "ann.key"], "without --client-cert"],
    [
      "a filter has nothing to filter",
      ["--client-cert-issuer", "O=Example"],
      "without --client-cert-from-store",
    ],
    ["there is no such file", ["--client-cert", "ann.none"], "Cannot read"],
    ["the key is missing", ["--client-cert", "ann.crt"], "no private key"],
    [
      "the password is wrong",
      ["--client-cert", "ann.p12", "--client-cert-password-file", "wrong"],
      "password is wrong",
    ],
    ["nobody is there to ask", ["--client-cert", "ann.p12"], "--client-cert-password-file"],
  ])("says before connecting that %s", async (_title, args, message) => {
    const io = process();
    expect(await whoami(io, ...args)).toBe(2);
    expect(io.err()).toContain(message);
    expect(connections).toBe(0);
  });

  it("says when none in the store fits, and where to look", async () => {
    const io = process();
    expect(await whoami(io, FROM_STORE, "--client-cert-subject", "CN=carl")).toBe(1);
    expect(io.err()).toBe(
      `error: None of the 3 certificates on this machine is one to show to ${url}\n` +
        `hint: sallyport certs explain ${url} says why\n`,
    );
  });

  it("says what to do when it is refused without one", async () => {
    const io = process();
    expect(await whoami(io)).toBe(1);
    expect(io.err()).toContain("wants a client certificate");
    expect(io.err()).toContain("hint: show one with --client-cert");
  });

  describe("sallyport certs", () => {
    const OUTCOMES = ["1-laptop other-authority", "2-ann taken", "3-bob not-first"];

    async function outcomes(
      ...args: string[]
    ): Promise<{ asked: unknown; authorities: unknown; list: string[] }> {
      const io = process();
      expect(await main(["certs", ...args, "--json"], io)).toBe(0);
      const { asked, authorities, certificates } = JSON.parse(io.out());
      const list = certificates.map(({ source, outcome }: { source: string; outcome: string }) =>
        `${/([^/]+)\.pem$/.exec(source)?.[1]} ${outcome}`
      );
      return { asked, authorities, list };
    }

    it("list shows each with its names and its end", async () => {
      const io = process();
      expect(await main(["certs", "list"], io)).toBe(0);
      const [head, ...rows] = io.out().trim().split("\n").map((line) => line.split(/ {2,}/));
      expect(head).toEqual(["SOURCE", "SUBJECT", "ISSUER", "NOT AFTER", "WHY"]);
      expect(rows.map(([source, subject, issuer]) => [source!.split("/").at(-1), subject, issuer])).toEqual([
        ["1-laptop.pem", "CN=laptop", "CN=Example devices,O=Example"],
        ["2-ann.pem", "CN=ann,O=Example", "CN=Example users,O=Example"],
        ["3-bob.pem", "CN=bob,O=Example", "CN=Example users,O=Example"],
      ]);
      expect(rows[0]!.slice(3)).toEqual([
        expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        "taken: the first that fits",
      ]);
      expect(connections).toBe(0);
    });

    it("explain asks the gateway, and says why each is taken or not", async () => {
      const io = process();
      expect(await main(["certs", "explain", url], io)).toBe(0);
      expect(io.out()).toContain(
        `${url} asks for a certificate from one of:\n  CN=Example users,O=Example\n\n`,
      );
      expect(io.out()).toContain("not from an authority that the gateway accepts");
      expect(await outcomes("explain", url)).toEqual({
        asked: true,
        authorities: ["CN=Example users,O=Example"],
        list: OUTCOMES,
      });
    });

    it("explain applies the filters, with or without a gateway", async () => {
      const filter = ["--client-cert-subject", "CN=bob"];
      expect((await outcomes("explain", url, ...filter)).list).toEqual([
        "1-laptop other-authority",
        "2-ann other-subject",
        "3-bob taken",
      ]);
      expect(await outcomes("explain", ...filter)).toEqual({
        asked: null,
        authorities: null,
        list: ["1-laptop other-subject", "2-ann other-subject", "3-bob taken"],
      });
    });

    it.each([
      [["list", "https://localhost"], "There is an argument too many"],
      [["show"], "There is no action show"],
      [["list", "--client-cert-issuer", "x"], "expected filter format"],
    ])("refuses %j", async (args, message) => {
      const io = process();
      expect(await main(["certs", ...args], io)).toBe(2);
      expect(io.err()).toContain(message);
    });

    it("says so when there is none", async () => {
      const io = fakeIo({ env: { XDG_CONFIG_HOME: `${folder}/none` } });
      expect(await main(["certs", "list"], io)).toBe(0);
      expect(io.out()).toBe("there is no certificate where sallyport looks for one\n");
    });
  });
});
