import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormBrowser } from "../_support/form_browser.ts";
import { requirePeer } from "../_support/peers.ts";
import { SshUser } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

/** The route leads nowhere: what says so was let in. */
const ENTERED = "dial/refused";
const NOT_ENTERED = "Permission denied (publickey)";

describe.skipIf(!requirePeer("ssh-keygen"))("a policy that asks for a key", () => {
  let gateway: TestGateway;
  let user: SshUser;
  let browser: FormBrowser;

  beforeAll(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    browser = new FormBrowser({ caPem: gateway.caPem });
    user = await SshUser.create(gateway);
    await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", "authority");
    await user.keygen("-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", "other-authority");
    const authority = (await Deno.readTextFile(`${user.folder}/authority.pub`)).trim();
    const key = (await Deno.readTextFile(`${user.folder}/id.pub`)).trim();
    await gateway.writeConfig(`
ssh_address: 127.0.0.1:0
routes:
  - { from: ssh://ca, to: ssh://127.0.0.1:1, policy: [{ allow: { and: [{ authenticated_user: true }, { ssh_ca: "${authority}" }] } }] }
  - { from: ssh://key, to: ssh://127.0.0.1:1, policy: [{ allow: { and: [{ authenticated_user: true }, { ssh_publickey: "${key}" }] } }] }
`);
    await gateway.gateway.reloader.reload("test");
    await user.signIn(gateway, { name: "ada", browser });
  }, 30_000);
  afterAll(async () => {
    browser[Symbol.dispose]();
    await user[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });

  /** Makes a key with a certificate, and signs it in. */
  async function certified(
    name: string,
    options: readonly string[],
    { type = "ed25519", authority = "authority" }: { type?: string; authority?: string } = {},
  ): Promise<string> {
    await user.keygen("-q", "-t", type, "-N", "", "-f", name);
    await user.keygen("-q", "-s", authority, "-I", name, ...options, `${name}.pub`);
    await user.signIn(gateway, { name: "ada", browser, key: name });
    return name;
  }

  it.each([["ed25519"], ["ecdsa"], ["rsa"]])("takes a certificate for a key of %s", async (type) => {
    const key = await certified(`good-${type}`, ["-n", "root,ada"], { type });
    expect((await user.run(["ada@ca@127.0.0.1"], { key })).stderr).toContain(ENTERED);
  });

  it("takes one that is for the address it comes from", async () => {
    const key = await certified("here", ["-n", "ada", "-O", "source-address=127.0.0.0/8"]);
    expect((await user.run(["ada@ca@127.0.0.1"], { key })).stderr).toContain(ENTERED);
  });

  it.each([
    ["for another name", "name", ["-n", "eve"], {}],
    ["for nobody", "nobody", [], {}],
    ["of another authority", "stranger", ["-n", "ada"], { authority: "other-authority" }],
    ["that has expired", "expired", ["-n", "ada", "-V", "20200101:20200102"], {}],
    ["that is not valid yet", "early", ["-n", "ada", "-V", "20990101:20990102"], {}],
    ["for another address", "elsewhere", ["-n", "ada", "-O", "source-address=192.0.2.0/24"], {}],
    ["with an option that is not enforced", "forced", ["-n", "ada", "-O", "force-command=true"], {}],
    ["for a host", "host", ["-h", "-n", "ada"], {}],
  ])("takes no certificate %s", async (_, name, options, rest) => {
    const key = await certified(name, options, rest);
    expect((await user.run(["ada@ca@127.0.0.1"], { key })).stderr).toContain(NOT_ENTERED);
  });

  it("takes no key without certificate where one is asked for", async () => {
    expect((await user.run(["ada@ca@127.0.0.1"])).stderr).toContain(NOT_ENTERED);
  });

  it("lets a client offer another key", async () => {
    await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", "wrong");
    await user.signIn(gateway, { name: "ada", browser, key: "wrong" });
    const both = ["-i", `${user.folder}/id`, "ada@key@127.0.0.1"];
    expect((await user.run(both, { key: "wrong" })).stderr).toContain(ENTERED);
    expect((await user.run(["ada@key@127.0.0.1"], { key: "wrong" })).stderr).toContain(NOT_ENTERED);
  });
});
