import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormBrowser } from "../_support/form_browser.ts";
import { requirePeer } from "../_support/peers.ts";
import { SshUser } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const CONFIG = `
ssh_address: 127.0.0.1:0
routes:
  - { from: ssh://box, to: ssh://127.0.0.1:1, name: The box, allow_any_authenticated_user: true }
  - { from: ssh://closed, to: ssh://127.0.0.1:1, allowed_domains: [example.org] }
  - { from: tcp+https://db.internal:5432, to: tcp://127.0.0.1:1, allow_any_authenticated_user: true }
`;

describe.skipIf(!requirePeer("ssh"))("a connection without route", () => {
  let gateway: TestGateway;
  let user: SshUser;
  let browser: FormBrowser;
  beforeAll(async () => {
    gateway = await startTestGateway(CONFIG);
    await gateway.addUser("ada", { email: "ada@example.com", groups: ["admins"] });
    browser = new FormBrowser({ caPem: gateway.caPem });
    user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada", browser });
  }, 30_000);
  afterAll(async () => {
    browser[Symbol.dispose]();
    await user[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });
  const ada = (...words: string[]) => user.run(["ada@127.0.0.1", ...words]);

  it("says who the caller is", async () => {
    const { code, stdout, stderr } = await ada("whoami");
    expect([code, stderr.includes("Permanently added")]).toEqual([0, true]);
    expect(stdout).toContain(`Key:        ${await user.fingerprint()}\n`);
    expect(stdout).toContain("  email: ada@example.com\n");
    expect(stdout).toContain('  groups: ["admins"]\n');
  });

  it("lists what is open to the caller, and nothing else", async () => {
    const { stdout } = await ada("routes");
    expect(stdout).toContain("ssh ada@box@localhost\n");
    expect(stdout).toContain("ssh -L PORT:db.internal:5432 ada@localhost\n");
    expect(stdout).not.toContain("closed");
  });

  it.each([["--", "--help"], ["help"], ["   "]])("explains itself at %s", async (...line) => {
    expect(await ada(...line)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: ssh[^]*whoami[^]*portal/),
    });
  });

  it("refuses what it does not know", async () => {
    expect(await ada("rm", "-rf", "/")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("Try: --help"),
    });
  });

  it.each([[["portal"]], [[]], [["tunnel"]]])(
    "asks for a terminal where one is needed: %j",
    async (words) => {
      expect(await ada(...words)).toMatchObject({ code: 1, stderr: expect.stringContaining("use ssh -t") });
    },
  );

  it.each([["q"], ["\x03"]])("lets a person leave the list of servers with %j", async (key) => {
    await using ssh = user.start(["-tt", "ada@127.0.0.1"], { stdin: "piped" });
    await ssh.shows("ada@box");
    const writer = ssh.process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(key));
    expect(await ssh.ended).toMatchObject({ code: 0 });
    expect(ssh.stdout).not.toContain("closed");
    await writer.close().catch(() => {});
  });

  it("leaves the terminal as it was when it is ended from elsewhere", async () => {
    await using other = await SshUser.create(gateway);
    await other.signIn(gateway, { name: "ada", browser });
    await using ssh = other.start(["-tt", "ada@127.0.0.1"], { stdin: "piped" });
    await ssh.shows("ada@box");
    const keyId = `sshkey-${await other.fingerprint()}`;
    const { text } = await browser.open(`${gateway.url}/.pomerium/sessions`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)![1]!;
    const body = new URLSearchParams({ csrf, sessionBindingID: keyId });
    await browser.open(`${gateway.url}/.pomerium/session_binding/revoke`, { method: "POST", body });
    const { stdout, stderr } = await ssh.ended;
    expect(stderr).toContain("no longer authorized");
    expect(stdout.lastIndexOf("\x1b[?1049l")).toBeGreaterThan(stdout.lastIndexOf("ada@box"));
    await ssh.process.stdin.close().catch(() => {});
  });

  it("goes on with the server that is picked", async () => {
    await using ssh = user.start(["-tt", "ada@127.0.0.1"], { stdin: "piped" });
    await ssh.shows("ada@box");
    const writer = ssh.process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("\r"));
    const { code, stdout } = await ssh.ended;
    expect([code, stdout]).toEqual([1, expect.stringContaining("cannot be reached (dial/refused")]);
    await writer.close().catch(() => {});
  });

  it.each([
    ["a subsystem", ["-s", "ada@127.0.0.1", "sftp"], "subsystem request failed"],
    ["a socket of the gateway", [
      "-N",
      "-o",
      "ExitOnForwardFailure=yes",
      "-R",
      "/tmp/x:127.0.0.1:1",
      "ada@127.0.0.1",
    ], "forwarding failed"],
  ])("refuses %s", async (_, args, text) => {
    expect((await user.run(args)).stderr).toContain(text);
  });

  it("opens one session at a time", async () => {
    const control = `${user.folder}/control`;
    await using master = user.start(["-M", "-S", control, "-tt", "ada@127.0.0.1"], { stdin: "piped" });
    await master.shows("ada@box");
    const second = await user.run(["-S", control, "ada@127.0.0.1", "whoami"]);
    expect(second.stderr).toContain("Session open refused by peer");
  });
});

describe.skipIf(!requirePeer("ssh-audit"))("ssh-audit", () => {
  it("finds nothing that it calls a failure", async () => {
    await using gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    const { port } = gateway.gateway.sshAddress!;
    const args = ["--no-colors", "--skip-rate-test", "-p", String(port), "127.0.0.1"];
    const run = (args: string[]) => new Deno.Command("ssh-audit", { args }).output();
    let output = await run(args);
    let text = new TextDecoder().decode(output.stdout);
    if (text.includes("--skip-rate-test")) {
      // An older one that does not know the option, and does no such test either.
      output = await run(args.filter((arg) => arg !== "--skip-rate-test"));
      text = new TextDecoder().decode(output.stdout);
    }
    expect(text).toContain("(enc) chacha20-poly1305@openssh.com");
    expect(text).not.toContain("[fail]");
  }, 60_000);
});
