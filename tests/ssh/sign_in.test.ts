import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormBrowser } from "../_support/form_browser.ts";
import { requirePeer } from "../_support/peers.ts";
import { approve, SshUser } from "../_support/ssh.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const CONFIG = `
ssh_address: 127.0.0.1:0
routes:
  - from: ssh://box
    to: ssh://127.0.0.1:1
    policy: [{ allow: { and: [{ email: { is: ada@example.com } }] } }]
`;

describe.skipIf(!requirePeer("ssh"))("signing in with OpenSSH", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(CONFIG);
    for (const name of ["ada", "eve"]) await gateway.addUser(name, { email: `${name}@example.com` });
  }, 30_000);
  afterAll(() => gateway[Symbol.asyncDispose]());

  const browserOf = () => new FormBrowser({ caPem: gateway.caPem });
  /** The browser of each, which stays signed in: passwords can be tried so often only. */
  let ada: FormBrowser;
  let eve: FormBrowser;
  beforeAll(() => {
    [ada, eve] = [browserOf(), browserOf()];
  });
  afterAll(() => [ada, eve].forEach((browser) => browser[Symbol.dispose]()));

  it("asks a person once, and then no more", async () => {
    await using user = await SshUser.create(gateway);
    const first = await user.signIn(gateway, { name: "ada", browser: ada });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("ada@example.com") });
    expect(first.stderr).toContain("Please sign in to continue");
    const second = await user.run(["ada@127.0.0.1", "whoami"]);
    expect(second.stdout).toMatch(/User ID: .*\nSession ID: .*\nExpires at: 2\d{3}-/);
    expect(second.stderr).not.toContain("user_code");
  });

  it.each([
    ["ecdsa", "256"],
    ["ecdsa", "521"],
    ["rsa", "2048"],
  ])("takes a key of %s with %s bits", async (type, bits) => {
    await using user = await SshUser.create(gateway);
    await user.keygen("-q", "-t", type, "-b", bits, "-N", "", "-f", "other");
    expect(await user.signIn(gateway, { name: "ada", browser: ada, key: "other" })).toMatchObject({
      code: 0,
    });
  });

  it("shows who asks, from where, until when and with which key", async () => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    await approve(ada, { url: `${gateway.url}/.pomerium/sign_in`, name: "ada" });
    const { text } = await ada.open(await ssh.signInUrl());
    const fingerprint = await user.fingerprint();
    for (const part of ["ada", "127.0.0.1", "SSH", fingerprint, "Remember me"]) expect(text).toContain(part);
    expect(text.match(/<time datetime/g)).toHaveLength(2);
  });

  it("gives a key that is asked about twice one address", async () => {
    await using user = await SshUser.create(gateway);
    await using first = user.start(["ada@127.0.0.1", "whoami"]);
    const url = await first.signInUrl();
    await using second = user.start(["ada@127.0.0.1", "whoami"]);
    expect(await second.signInUrl()).toBe(url);
    await approve(ada, { url, name: "ada" });
    expect((await first.ended).code).toBe(0);
    expect((await second.ended).code).toBe(0);
  });

  it("ends with a sentence when the person says no", async () => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    const { text } = await approve(ada, { url: await ssh.signInUrl(), name: "ada", confirm: false });
    expect(text).toContain("was refused");
    expect(await ssh.ended).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("Permission Denied: access denied"),
    });
  });

  it.each([[true, 409], [false, 409]])("decides a code once (approved: %s)", async (confirm, status) => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    const url = await ssh.signInUrl();
    expect(await approve(ada, { url, name: "ada", confirm })).toMatchObject({ status: 200 });
    expect(await approve(ada, { url, name: "ada" })).toMatchObject({ status });
  });

  it.each(["user_code=AAAAAAAAAAAAAAAAAAAAAA", "user_code=", "user_code=%00"])(
    "does not know the code %s",
    async (query) => {
      expect(
        (await approve(ada, { url: `${gateway.url}/.pomerium/sign_in?${query}`, name: "ada" })).status,
      ).toBe(400);
    },
  );

  it("takes one of two people who race for a code", async () => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    const url = await ssh.signInUrl();
    const answers = await Promise.all([
      approve(ada, { url, name: "ada" }),
      approve(eve, { url, name: "eve" }),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const winner = answers[0]!.status === 200 ? "ada" : "eve";
    expect((await ssh.ended).stdout).toContain(`${winner}@example.com`);
  });

  it("makes somebody of who signs in, not of who is named", async () => {
    await using user = await SshUser.create(gateway);
    const { stdout } = await user.signIn(gateway, {
      name: "eve",
      browser: eve,
      args: ["ada@127.0.0.1", "whoami"],
    });
    expect(stdout).toContain("eve@example.com");
    expect(stdout).not.toContain("ada@example.com");
  });

  it("keeps a key to its user", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada", browser: ada, remember: true });
    await user.run(["ada@127.0.0.1", "logout"]);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    expect((await approve(eve, { url: await ssh.signInUrl(), name: "eve" })).status).toBe(403);
    expect((await approve(ada, { url: await ssh.signInUrl(), name: "ada" })).status).toBe(200);
    expect((await ssh.ended).stdout).toContain("ada@example.com");
  });

  it("does not ask about a key that is remembered, once its user is signed in", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada", browser: ada, remember: true });
    await user.run(["ada@127.0.0.1", "logout"]);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    using browser = browserOf();
    const page = await browser.open(await ssh.signInUrl());
    const end = await browser.signIn(page.url, { name: "ada", password: PASSWORD });
    expect(end.text).toContain("Your terminal goes on");
    expect((await ssh.ended).code).toBe(0);
  });

  it("refuses a form that another site has sent", async () => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["ada@127.0.0.1", "whoami"]);
    const url = await ssh.signInUrl();
    using browser = browserOf();
    const page = await browser.open(url);
    await browser.signIn(page.url, { name: "ada", password: PASSWORD });
    for (const body of [{ confirm: "true" }, { confirm: "true", csrf: "A".repeat(43) }]) {
      const { response } = await browser.open(url, { method: "POST", body: new URLSearchParams(body) });
      expect(response.status).toBe(400);
    }
    expect(ssh.stdout).toBe("");
  });

  it("is over with logout, and ends what else the session has open", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada", browser: ada });
    await using other = user.start(["-N", "ada@127.0.0.1"]);
    await gateway.line("SSH sign-in", gateway.linesOf("SSH sign-in").length + 1);
    expect(await user.run(["ada@127.0.0.1", "logout"])).toMatchObject({
      code: 0,
      stdout: "You are signed out.\n",
    });
    expect((await other.ended).stderr).toContain("no longer authorized: your session was ended");
    await using again = user.start(["ada@127.0.0.1", "whoami"]);
    expect(await again.signInUrl()).toContain("user_code");
  });

  it("is over when the key is revoked on the page of sessions, at once", async () => {
    await using user = await SshUser.create(gateway);
    await using ssh = user.start(["-N", "ada@127.0.0.1"]);
    await approve(ada, { url: await ssh.signInUrl(), name: "ada", remember: true });
    const sessionBindingID = `sshkey-${await user.fingerprint()}`;
    const { text } = await ada.open(`${gateway.url}/.pomerium/session_binding_info`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)![1]!;
    expect(text.split(`value="${sessionBindingID}"`)).toHaveLength(3);
    for (const kind of ["session", "identity"]) {
      const body = new URLSearchParams({ csrf, sessionBindingID });
      await ada.open(`${gateway.url}/.pomerium/${kind}_binding/revoke`, { method: "POST", body });
    }
    expect((await ssh.ended).stderr).toContain("no longer authorized");
    expect((await ada.open(`${gateway.url}/.pomerium/sessions`)).text).not.toContain(sessionBindingID);
  });

  it("does not let one revoke the key of another", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada", browser: ada });
    const fingerprint = await user.fingerprint();
    await approve(eve, { url: `${gateway.url}/.pomerium/sign_in`, name: "eve" });
    const { text } = await eve.open(`${gateway.url}/.pomerium/sessions`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)![1]!;
    const body = new URLSearchParams({ csrf, sessionBindingID: `sshkey-${fingerprint}` });
    await eve.open(`${gateway.url}/.pomerium/session_binding/revoke`, { method: "POST", body });
    expect((await user.run(["ada@127.0.0.1", "whoami"])).code).toBe(0);
  });

  it.each([
    ["ada@nowhere@127.0.0.1", "There is no such route"],
    ["eve@box@127.0.0.1", "Permission Denied: access denied"],
  ])("tells who asks for %s: %s", async (target, text) => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "eve", browser: eve });
    expect(await user.run([target])).toMatchObject({ code: 255, stderr: expect.stringContaining(text) });
  });
});
