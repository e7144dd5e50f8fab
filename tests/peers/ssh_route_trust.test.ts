import { describe, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { run } from "../_support/programs.ts";
import { ADA, LOGIN, startSshRoute } from "../_support/ssh_route.ts";
import { hasSshd, startSshd } from "../_support/sshd.ts";

const hasPeers = requirePeer("ssh") && requirePeer("ssh-keygen") && hasSshd();

describe.skipIf(!hasPeers)("the certificate for the server of a route", () => {
  it.each([
    ["ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT"],
    ["ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-CERT"],
    ["ecdsa-sha2-nistp384-cert-v01@openssh.com", "ECDSA-CERT"],
    ["ecdsa-sha2-nistp521-cert-v01@openssh.com", "ECDSA-CERT"],
    ["rsa-sha2-512-cert-v01@openssh.com", "RSA-CERT"],
  ])("is of a kind that the server takes: %s", async (algorithm, kind) => {
    const plain = algorithm.replace("-cert-v01@openssh.com", "");
    await using route = await startSshRoute({ settings: [`PubkeyAcceptedAlgorithms ${algorithm},${plain}`] });
    const { code, stderr } = await route.user.run([route.box, "exit 7"]);
    expect(code, stderr + route.sshd.program.stderr()).toBe(7);
    expect(route.sshd.program.stderr()).toContain(`Accepted publickey for ${LOGIN} from 127.0.0.1`);
    expect(route.sshd.program.stderr()).toContain(kind);
  });

  it.each([
    ["ed25519", ""],
    ["ecdsa", "256"],
    ["ecdsa", "521"],
    ["rsa", "3072"],
  ])("is signed by an authority of %s %s", async (type, bits) => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/ca_key`;
    await run(["ssh-keygen", ["-q", "-t", type, ...(bits === "" ? [] : ["-b", bits]), "-N", "", "-f", file]]);
    await using route = await startSshRoute({
      global: `ssh_user_ca_key_file: ${file}`,
      authority: `${file}.pub`,
    });
    expect((await route.user.run([route.box, "exit 7"])).code, route.sshd.program.stderr()).toBe(7);
    await Deno.remove(folder, { recursive: true });
  });

  it("names the login name, which the server has to have", async () => {
    await using route = await startSshRoute();
    const { code, stderr } = await route.user.run(["nobody-here@box@127.0.0.1", "exit 7"]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/Received disconnect from \S+ port \d+:7: .*ssh\/certificate-refused/);
  });

  it("is refused by a server that trusts another authority", async () => {
    const folder = await Deno.makeTempDir();
    await run(["ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/other`]]);
    await using route = await startSshRoute({ authority: `${folder}/other.pub` });
    expect((await route.user.run([route.box, "exit 7"])).stderr).toContain("ssh/certificate-refused");
    expect(await route.gateway.line("tunnel refused")).toMatchObject({
      error: "ssh/certificate-refused",
      route: "ssh://box",
      email: "ada@example.com",
    });
    await Deno.remove(folder, { recursive: true });
  });

  it("is what ssh-keygen calls one for an hour, with everything allowed that the server allows", async () => {
    // The server writes it down when it lets somebody in with it.
    const folder = await Deno.makeTempDir();
    const shown = `${folder}/shown`;
    await using route = await startSshRoute({
      settings: ["ExposeAuthInfo yes"],
    });
    const { stdout } = await route.user.run([route.box, "cat $SSH_USER_AUTH"]);
    await Deno.writeTextFile(shown, stdout.replace(/^publickey /, ""));
    const { stdout: listing } = await run(["ssh-keygen", ["-L", "-f", shown]]);
    const text = new TextDecoder().decode(listing);
    for (
      const part of [
        "user certificate",
        "Serial: 1\n",
        'Key ID: ""',
        `Principals: \n                ${LOGIN}\n`,
        "Critical Options: (none)",
        "permit-X11-forwarding",
        "permit-agent-forwarding",
        "permit-port-forwarding",
        "permit-pty",
        "permit-user-rc",
      ]
    ) expect(text).toContain(part);
    const [, from = "", to = ""] = /Valid: from (\S+) to (\S+)/.exec(text) ?? [];
    expect(Date.parse(`${to}Z`) - Date.parse(`${from}Z`)).toBe(61 * 60_000);
    await Deno.remove(folder, { recursive: true });
  });
});

describe.skipIf(!hasPeers)("the host key of the server of a route", () => {
  it.each(["ed25519", "ecdsa", "rsa"])(
    "is trusted on first use, logged, and kept: %s",
    async (hostKeyType) => {
      await using route = await startSshRoute({ hostKeyType });
      for (const code of [5, 6]) expect((await route.user.run([route.box, `exit ${code}`])).code).toBe(code);
      const lines = route.gateway.linesOf("SSH host key trusted on first use");
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({ route: "ssh://box", fingerprint: expect.stringMatching(/^SHA256:/) });
    },
  );

  it.each(["ed25519", "rsa"])("is refused when it has become another one, of %s", async (hostKeyType) => {
    await using route = await startSshRoute();
    expect((await route.user.run([route.box, "exit 5"])).code).toBe(5);
    const { port } = route.sshd;
    await route.sshd.program[Symbol.asyncDispose]();
    await using _impostor = await startSshd(`${route.gateway.folder}/state/ssh_user_ca_key.pub`, {
      port,
      hostKeyType,
    });
    const { stderr } = await route.user.run([route.box, "exit 5"]);
    expect(stderr).toMatch(/:7: .*ssh\/host-key-mismatch/);
    expect(await route.gateway.line("tunnel refused")).toMatchObject({ error: "ssh/host-key-mismatch" });
    expect(await route.gateway.line("upstream not reached")).toMatchObject({
      error: expect.stringMatching(/^The server 127\.0\.0\.1:\d+ shows .*, and it had at first SHA256:/),
    });
  });

  /** The route has keys of its own, of which the server is then given one. */
  async function withPinned(lines: (hostKey: string, port: number) => readonly string[]): Promise<string> {
    const folder = await Deno.makeTempDir();
    const port = freePort();
    await run(["ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/key`]]);
    const hostKey = (await Deno.readTextFile(`${folder}/key.pub`)).split(" ").slice(0, 2).join(" ");
    await using route = await startSshRoute({
      routes: `
  - from: ssh://pinned
    to: ssh://127.0.0.1:${port}
    policy: ${ADA}
${lines(hostKey, port).map((line) => `    ${line}\n`).join("")}`,
    });
    await using _sshd = await startSshd(`${route.gateway.folder}/state/ssh_user_ca_key.pub`, {
      port,
      settings: [`HostKey ${folder}/key`],
    });
    const { code, stderr } = await route.user.run([`${LOGIN}@pinned@127.0.0.1`, "exit 5"]);
    await Deno.remove(folder, { recursive: true });
    expect(route.gateway.linesOf("SSH host key trusted on first use")).toHaveLength(0);
    return code === 5 ? "served" : /ssh\/[a-z-]+/.exec(stderr)?.[0] ?? stderr;
  }
  const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

  it("is the one that ssh_host_key names", async () => {
    expect(await withPinned((key) => [`ssh_host_key: [${OTHER}, ${key}]`])).toBe("served");
  });
  it("is refused when ssh_host_key names another", async () => {
    expect(await withPinned(() => [`ssh_host_key: ${OTHER}`])).toBe("ssh/host-key-mismatch");
  });
  it("is the one that ssh_known_hosts has for the server", async () => {
    const lines = (key: string, port: number) => [
      "ssh_known_hosts: |",
      `  [127.0.0.1]:${port + 1} ${OTHER}`,
      `  [127.0.0.1]:${port} ${key} comment`,
    ];
    expect(await withPinned(lines)).toBe("served");
  });
  it("is refused when ssh_known_hosts has another for the server", async () => {
    expect(await withPinned((_, port) => [`ssh_known_hosts: "[127.0.0.1]:${port} ${OTHER}"`])).toBe(
      "ssh/host-key-mismatch",
    );
  });
});

describe.skipIf(!hasPeers)("a route that cannot be entered", () => {
  it("says so with the reason of the disconnect", async () => {
    await using route = await startSshRoute({
      routes: `
  - from: ssh://dead
    to: ssh://127.0.0.1:${freePort()}
    policy: ${ADA}
  - from: ssh://eve
    to: ssh://127.0.0.1:${freePort()}
    policy: [{ allow: { and: [{ email: { is: eve@example.com } }] } }]
`,
    });
    const reason = async (name: string) => {
      const { stderr } = await route.user.run([`${LOGIN}@${name}@127.0.0.1`, "true"]);
      return /port \d+:(\d+): ([^\r\n]*)/.exec(stderr)?.slice(1).join(" ");
    };
    expect(await reason("dead")).toMatch(/^7 The server of the route cannot be reached \(dial\/refused/);
    expect(await reason("nowhere")).toBe("1 There is no such route");
    expect(await reason("eve")).toBe("2 Permission Denied: access denied");
  });

  it.each([
    ["a command", []],
    ["a shell", ["-tt"]],
  ])("does not begin %s that cannot be recorded, and says so", async (_, flags) => {
    await using route = await startSshRoute({
      global: "session_recordings: { directory: /dev/null/recordings }",
      route: ["session_recording: { enabled: true }"],
    });
    const mark = `${route.user.folder}/mark`;
    const { code, stdout, stderr } = await route.user.run([...flags, route.box, `touch ${mark}`]);
    expect(code).toBe(255);
    expect(stdout + stderr).toContain("This session must be recorded, and cannot be");
    await expect(Deno.stat(mark)).rejects.toThrow(Deno.errors.NotFound);
  });

  it("passes a session on that is recorded", async () => {
    await using route = await startSshRoute({ route: ["session_recording: { enabled: true }"] });
    const results = await Promise.all(
      [1, 2, 3].map((code) => route.user.run([route.box, `echo ${code}; exit ${code}`])),
    );
    expect(results.map(({ code, stdout }) => [code, stdout])).toEqual([[1, "1\n"], [2, "2\n"], [3, "3\n"]]);
  });
});
