import { afterAll, beforeAll, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import {
  clientEnv,
  clientOptions,
  listening,
  run,
  type RunningProgram,
  sallyport,
  sha256,
  start,
} from "../_support/programs.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const hasSsh = requirePeer("ssh") && requirePeer("ssh-keygen") && requirePeer("scp") && hasSshd();
let gateway: TestGateway;
let sshd: RunningProgram;
let options: string[];

function hasSshd(): boolean {
  try {
    return Deno.statSync("/usr/sbin/sshd").isFile;
  } catch {
    return requirePeer("sshd");
  }
}

beforeAll(async () => {
  if (!hasSsh) return;
  const port = freePort();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://host.test:22
    to: tcp://127.0.0.1:${port}
    policy: [{ allow: { or: [{ claim/groups: operators }] } }]
`);
  await gateway.addUser("olga", { groups: ["operators"] });
  const { folder } = gateway;
  for (const name of ["host_key", "user_key"]) {
    await run(["ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`]]);
  }
  await Deno.copyFile(`${folder}/user_key.pub`, `${folder}/authorized_keys`);
  const hostKey = (await Deno.readTextFile(`${folder}/host_key.pub`)).split(" ").slice(0, 2).join(" ");
  await Deno.writeTextFile(`${folder}/known_hosts`, `host.test ${hostKey}\n`);
  await Deno.writeTextFile(
    `${folder}/sshd_config`,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${folder}/host_key`,
      `AuthorizedKeysFile ${folder}/authorized_keys`,
      `PidFile ${folder}/sshd.pid`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true });
  sshd = start(["/usr/sbin/sshd", ["-D", "-e", "-f", `${folder}/sshd_config`]]);
  await listening(port);
  const args = ["tcp", "--listen", "-", "%h:%p", "--gateway-url", gateway.url, ...clientOptions(gateway)];
  const [command, commandArgs] = sallyport(...args);
  const proxyCommand = [command, ...commandArgs].map((word) => word.includes(" ") ? `'${word}'` : word).join(
    " ",
  );
  options = [
    ...["-F", "none", "-i", `${folder}/user_key`, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${folder}/known_hosts`, "-o", `ProxyCommand=${proxyCommand}`],
  ];
});

afterAll(async () => {
  if (!hasSsh) return;
  await sshd[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

function env() {
  return { env: clientEnv(gateway, { name: "olga", password: PASSWORD }) };
}

it.skipIf(!hasSsh)("ssh reaches a real sshd with sallyport tcp as its ProxyCommand", async () => {
  const first = await run(["ssh", [...options, "host.test", "echo over $SSH_CONNECTION; exit 7"]], env());
  expect(first.stderr).toContain("Signing in");
  expect(new TextDecoder().decode(first.stdout)).toMatch(/^over 127\.0\.0\.1/);
  expect(first.code).toBe(7);
});

it.skipIf(!hasSsh)("ssh carries 8 MiB each way unharmed, with the cached token", async () => {
  const bytes = new Uint8Array(8 * 1024 * 1024);
  for (let i = 0; i < bytes.length; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
  const { code, stdout, stderr } = await run(["ssh", [...options, "host.test", "cat"]], {
    ...env(),
    stdin: bytes,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(await sha256(new Uint8Array(stdout))).toBe(await sha256(bytes));
  expect(gateway.linesOf("signed in")).toHaveLength(1);
});

it.skipIf(!hasSsh)("scp copies a file through the tunnel", async () => {
  const { folder } = gateway;
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(`${folder}/from.bin`, bytes);
  const { code } = await run(
    ["scp", [...options, `${folder}/from.bin`, `host.test:${folder}/to.bin`]],
    env(),
  );
  expect(code).toBe(0);
  expect(await Deno.readFile(`${folder}/to.bin`)).toEqual(bytes);
});
