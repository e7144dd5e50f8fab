import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveEcho } from "../_support/echo.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, run, sallyport, start } from "../_support/programs.ts";

let folder: string;
let port: number;

beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  port = freePort();
});

afterEach(() => Deno.remove(folder, { recursive: true }));

async function configure(yaml = "routes: []"): Promise<string> {
  const file = `${folder}/routes.yaml`;
  await Deno.writeTextFile(file, `address: 127.0.0.1:${port}\n${yaml}\n`);
  return file;
}

async function output(...args: string[]) {
  const { code, stdout, stderr } = await run(sallyport(...args));
  return { code, stdout: new TextDecoder().decode(stdout), stderr };
}

describe("sallyport serve", () => {
  it("drains and exits with 0 at Ctrl-C, also with a tunnel open, and a second start keeps keys and users", async () => {
    using echo = serveEcho();
    const config = await configure(`
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
    const files = ["ca.pem", "server.pem", "shared-secret", "signing-key.pem"];
    const kept: string[][] = [];
    for (let n = 0; n < 2; n++) {
      await using gateway = start(sallyport("serve", "--config", config));
      await listening(port);
      const caPem = await Deno.readTextFile(`${folder}/.sallyport/ca.pem`);
      const tunnel = await Deno.connectTls({ hostname: "localhost", port, caCerts: [caPem] });
      await tunnel.write(utf8("CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n"));
      await tunnel.read(new Uint8Array(1000));
      const startedMs = performance.now();
      gateway.process.kill("SIGINT");
      while (await tunnel.read(new Uint8Array(1000)) !== null);
      tunnel.close();
      expect(await gateway.process.status).toMatchObject({ code: 0, signal: null });
      // The promise of the operating guide; the drain itself takes one second.
      expect(performance.now() - startedMs).toBeLessThan(5000);
      kept.push(await Promise.all(files.map((file) => Deno.readTextFile(`${folder}/.sallyport/${file}`))));
    }
    expect(kept[1]).toEqual(kept[0]);
    const modes = [...Deno.readDirSync(`${folder}/.sallyport`)].map(({ name }) =>
      Deno.statSync(`${folder}/.sallyport/${name}`).mode! & 0o077
    );
    expect(modes.every((mode) => mode === 0)).toBe(true);
  });

  it("reads its configuration again at SIGHUP, and says in its status how that came out", async () => {
    const config = await configure("runtime_flags: { config_hot_reload: false }");
    await using gateway = start(sallyport("serve", "--config", config));
    await listening(port);
    await configure("routes: nonsense");
    gateway.process.kill("SIGHUP");
    const status = async () => (await output("status", "--config", config)).stdout;
    let text = await status();
    while (!text.includes("last reload")) text = await status();
    expect(text).toContain("(SIGHUP): REFUSED; the configuration before it goes on");
    expect(text).toMatch(/routes\.yaml:2:9: error: [\s\S]*\^/);
  });

  it("says in one error that the port is in use", async () => {
    using _taken = Deno.listen({ hostname: "127.0.0.1", port });
    const { code, stderr } = await output("serve", "--config", await configure());
    expect(code).toBe(1);
    expect(stderr).toContain(`error: Cannot listen on 127.0.0.1:${port}: the port is already in use\nhint: `);
  });

  it("says in one error that the state directory cannot be written", async () => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const { code, stderr } = await output(
      "serve",
      "--config",
      await configure(),
      "--state-dir",
      `${folder}/file/state`,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: Cannot write the state directory .*\nhint: .*--state-dir/m);
  });

  it("says in one error that a certificate cannot be read, with line and caret", async () => {
    const config = await configure("certificate_file: nothing.pem\ncertificate_key_file: nothing.key");
    const { code, stderr } = await output("serve", "--config", config);
    expect(code).toBe(1);
    expect(stderr).toContain("routes.yaml:2:19: error:");
    expect(stderr).toMatch(/\n +\^+/);
  });

  it("says in one error that a key does not belong to its certificate", async () => {
    const keys = ["a", "b"].map((name) => `${folder}/${name}`);
    for (const key of keys) {
      await run(["openssl", [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-subj",
          "/CN=x",
        ],
        ...["-addext", "subjectAltName=DNS:x.test", "-keyout", `${key}.key`, "-out", `${key}.pem`],
      ]]);
    }
    const config = await configure(`certificate_file: ${keys[0]}.pem\ncertificate_key_file: ${keys[1]}.key`);
    const { code, stderr } = await output("serve", "--config", config);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*does not (belong|match)/m);
  });
});

describe("sallyport check", () => {
  it("exits with 0 for a configuration that can be served", async () => {
    const { code, stdout } = await output("check", "--config", await configure());
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${folder}/routes.yaml: 0 routes, nothing that keeps the gateway from starting\n`,
    });
  });

  it("exits with 1 for one that cannot, and shows where", async () => {
    const { code, stderr } = await output("check", "--config", await configure("cookie_expire: soon"));
    expect(code).toBe(1);
    expect(stderr).toContain("routes.yaml:2:16: error:");
  });
});

describe("sallyport users", () => {
  const users = (...args: string[]) => output("users", "--state-dir", `${folder}/state`, ...args);

  it("adds, lists, renews the password of, and removes a user", async () => {
    const added = await users("add", "ann", "--email", "ann@example.com", "--groups", "a,b");
    expect(added.stdout).toMatch(/^added ann <ann@example\.com>\npassword: [a-z0-9-]{24}\n$/);
    expect((await users("list")).stdout).toBe("ann\tann@example.com\ta,b\n");
    expect((await users("passwd", "ann")).stdout).toMatch(/\npassword: [a-z0-9-]{24}\n$/);
    expect((await users("remove", "ann")).code).toBe(0);
    expect((await users("list")).stdout).toBe("");
  });

  it("reads a password from standard input and does not print it", async () => {
    const args = ["users", "--state-dir", `${folder}/state`, "add", "bob", "--password-stdin"];
    const { code, stdout } = await run(sallyport(...args), { stdin: utf8("a long enough one\n") });
    expect(code).toBe(0);
    expect(new TextDecoder().decode(stdout)).toBe("added bob <bob@localhost>\n");
  });

  it.each([
    [["add", "ann"], "there is one of this name already"],
    [["passwd", "nobody"], "There is no user"],
    [["dance", "ann"], "There is no action dance"],
    [["add"], "NAME is missing"],
    [["add", "Ann Smith"], "name"],
  ])("refuses %j with an error and a way out", async (args, message) => {
    await users("add", "ann");
    const { code, stderr } = await users(...args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain("error: ");
    expect(stderr).toContain(message);
  });
});

it("a user added while the gateway runs can sign in at once", async () => {
  const config = await configure();
  await using _gateway = start(sallyport("serve", "--config", config));
  await listening(port);
  const { stdout } = await output("users", "add", "late", "--config", config);
  const password = /password: (\S+)/.exec(stdout)![1]!;
  using browser = new FormBrowser({ caPem: await Deno.readTextFile(`${folder}/.sallyport/ca.pem`) });
  const end = await browser.signIn(`https://localhost:${port}/.pomerium/sign_in`, { name: "late", password });
  expect(end.url).toBe(`https://localhost:${port}/.pomerium/`);
  expect(end.text).toContain("late@localhost");
});
