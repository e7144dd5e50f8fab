import { expect, it } from "vitest";
import { requirePeer } from "./_support/peers.ts";
import { run } from "./_support/programs.ts";
import { hasSshd } from "./_support/sshd.ts";

function bench(...args: string[]) {
  return run([Deno.execPath(), ["task", "bench", ...args]]);
}

it("deno task bench tcp measures the gateway, and whichever peers are installed, in small", async () => {
  const small = ["--runs", "1", "--mib", "8", "--openings", "16", "--tunnels", "8", "--seconds", "1"];
  const { code, stdout } = await bench("tcp", ...small);
  expect(code).toBe(0);
  const text = new TextDecoder().decode(stdout);
  for (const title of ["Throughput of one tunnel", "Opening tunnels", "Round trip of one byte"]) {
    expect(text).toContain(title);
  }
  expect(text).toMatch(/\| sallyport +\| +\d+ /);
}, 120_000);

it.skipIf(!requirePeer("ssh") || !hasSshd())(
  "deno task bench ssh measures the gateway beside sshd",
  async () => {
    const { code, stdout, stderr } = await bench("ssh", "--runs", "1", "--mib", "8");
    expect(code, stderr).toBe(0);
    const text = new TextDecoder().decode(stdout);
    for (const way of ["ssh -R, sallyport", "ssh -R, sshd", "command, sallyport", "command, sshd"]) {
      expect(text).toMatch(new RegExp(`\\| ${way} \\| \\d+ `));
    }
  },
  120_000,
);

it("deno task bench policy prints decisions a second", async () => {
  const { code, stdout } = await bench("policy");
  expect(code).toBe(0);
  expect(new TextDecoder().decode(stdout)).toMatch(/decisions/);
}, 60_000);

it("deno task bench x509 prints validations a second", async () => {
  const { code, stdout, stderr } = await bench("x509", "--runs", "1");
  expect(code, stderr).toBe(0);
  expect(new TextDecoder().decode(stdout)).toMatch(/validatePath\(\), certificates parsed before: [\d,]+ /);
}, 60_000);

it("an unknown benchmark is refused with the names there are", async () => {
  const { code, stderr } = await bench("teleport");
  expect(code).toBe(2);
  expect(stderr).toContain("error: there is no benchmark teleport");
  expect(stderr).toContain("tcp, udp, ssh, http, policy, live, x509");
});
