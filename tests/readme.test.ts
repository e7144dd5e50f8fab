import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "./_support/free_port.ts";
import { run, type RunningProgram, start } from "./_support/programs.ts";
import { until } from "./_support/test_gateway.ts";

/** Commands that another part of the project runs, and which. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  "npx -y deno@2.9.6 task test": ".ci/run, where Deno is missing",
  "deno task ok": ".ci/run",
  "deno task bench tcp": "tests/bench.test.ts",
  "sallyport tcp redis.example.com:6379 --listen 127.0.0.1:6379": "tests/peers/redis.test.ts",
  "sallyport udp dns.example.com:53 --listen 127.0.0.1:5353": "tests/peers/udp.test.ts",
  "sallyport doctor redis.example.com:6379": "tests/cli/doctor.test.ts",
  "ssh -o ProxyCommand='sallyport tcp --listen - %h:%p' host.example.com": "tests/peers/ssh.test.ts",
};

const REPOSITORY = new URL("..", import.meta.url).pathname;
let folder: string;
let env: Record<string, string>;
let commands: string[];

/** A fresh copy of the repository, with `npx` and `xdg-open` that lead to this Deno and to a browser for tests. */
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-readme-" });
  const files = ["deno.json", "deno.lock", "mod.ts", "routes.yaml", "lib"].map((name) => REPOSITORY + name);
  await run(["cp", ["-r", ...files, folder]]);
  const routes = await Deno.readTextFile(`${folder}/routes.yaml`);
  await Deno.writeTextFile(
    `${folder}/routes.yaml`,
    routes.replaceAll(":8443", `:${freePort()}`).replaceAll(":8022", `:${freePort()}`),
  );
  await Deno.mkdir(`${folder}/bin`);
  const browser = `${REPOSITORY}tests/_support/form_browser.ts`;
  await writeProgram("npx", `shift 2; exec "${Deno.execPath()}" "$@"`);
  await writeProgram("deno", `exec "${Deno.execPath()}" "$@"`);
  await writeProgram(
    "xdg-open",
    `exec "${Deno.execPath()}" run -A --no-check --config "${REPOSITORY}deno.json" "${browser}" "$@"`,
  );
  env = {
    PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
    XDG_CACHE_HOME: `${folder}/cache`,
    DENO_INSTALL_ROOT: folder,
    CA_FILE: `${folder}/.sallyport/ca.pem`,
    SIGN_IN_USER: "demo",
  };
  const readme = await Deno.readTextFile(`${REPOSITORY}README.md`);
  commands = [...readme.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) => block!.trim().split("\n"))
    .map((line) => line.replace(/\s+#.*$/, ""));
});

afterAll(() => Deno.remove(folder, { recursive: true }));

async function writeProgram(name: string, script: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function shell(command: string): [string, string[]] {
  return ["bash", ["-c", `cd '${folder}' && exec ${command}`]];
}

async function output(command: string): Promise<string> {
  const { code, stdout, stderr } = await run(["bash", ["-c", `cd '${folder}' && ${command}`]], { env });
  expect({ command, code, stderr: code === 0 ? "" : stderr }).toEqual({ command, code: 0, stderr: "" });
  return new TextDecoder().decode(stdout);
}

async function serving(program: RunningProgram): Promise<string> {
  return await until(() => /serving (https:\S+)/.exec(program.stderr())?.[1]);
}

it("every command of the README is run, here or where this test says", () => {
  const here = [
    "npx -y deno@2.9.6 task demo",
    "deno task sallyport check",
    "deno task sallyport users add alice --email alice@example.com --groups engineering",
    "deno task start",
    "deno install --global --allow-all --frozen=false --name sallyport --config deno.json mod.ts",
  ];
  expect(commands.toSorted()).toEqual([...here, ...Object.keys(RUN_ELSEWHERE)].toSorted());
});

it("the demo serves in an empty copy, and what it prints works as printed", async () => {
  await using demo = start(shell("npx -y deno@2.9.6 task demo"), { env });
  await serving(demo);
  await until(() => demo.stderr().includes("Ctrl-C"));
  env.SIGN_IN_PASSWORD = /password {2}(\S+)/.exec(demo.stderr())![1]!;
  const printed = demo.stderr();

  const tunnel = /^ {4}((?:deno|npx \S+ \S+) task sallyport tcp .*)$/m.exec(printed)![1]!;
  await using client = start(shell(tunnel), { env });
  await until(() => client.stderr().includes("listening on 127.0.0.1:7007"));
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: 7007 });
  await conn.write(new TextEncoder().encode("hello"));
  const buffer = new Uint8Array(5);
  expect(await conn.read(buffer)).toBe(5);
  expect(new TextDecoder().decode(buffer)).toBe("hello");
  conn.close();

  const udp = /^ {4}((?:deno|npx \S+ \S+) task sallyport udp .*)$/m.exec(printed)![1]!;
  await using packets = start(shell(udp), { env });
  await until(() => packets.stderr().includes("listening on 127.0.0.1:7007"));
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await socket.send(new TextEncoder().encode("packet"), {
    transport: "udp",
    hostname: "127.0.0.1",
    port: 7007,
  });
  expect(new TextDecoder().decode((await socket.receive())[0])).toBe("packet");
  socket.close();

  const ssh = /^ {4}(ssh -p \d+ demo@localhost whoami)$/m.exec(printed)![1]!;
  await writeProgram(
    "ssh",
    `exec /usr/bin/ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i "${folder}/key" "$@"`,
  );
  await run(["ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/key`]]);
  await using terminal = start(shell(ssh), { env });
  await until(() => /https:\/\/\S+user_code=[\w-]{22}/.exec(terminal.stderr()));

  const curl = /^ {4}(TOKEN=.*?web\.localhost\/)$/ms.exec(printed)![1]!.replace("curl ", "curl -sS ");
  expect(await output(curl)).toContain("<h1>It works</h1>");
}, 60_000);

it("check, users and start work as written, and start keeps what the demo made", async () => {
  expect(await output("deno task -q sallyport check")).toContain("5 routes");
  const added = await output(
    "deno task -q sallyport users add alice --email alice@example.com --groups engineering",
  );
  expect(added).toContain("added alice <alice@example.com>");
  await using gateway = start(shell("deno task start"), { env });
  const url = await serving(gateway);
  const whoami = `deno task -q sallyport whoami ${url} --alternate-ca-path .sallyport/ca.pem`;
  expect(await output(whoami)).toContain("demo@example.com");
}, 60_000);

it("the client installs as the command sallyport", async () => {
  await output("deno install --global --allow-all --frozen=false --name sallyport --config deno.json mod.ts");
  expect(await output(`${folder}/bin/sallyport version`)).toMatch(/^sallyport \d+\.\d+\.\d+\n$/);
}, 60_000);
