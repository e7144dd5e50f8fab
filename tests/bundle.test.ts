import { afterAll, beforeAll, expect, it } from "vitest";
import { FormBrowser } from "./_support/form_browser.ts";
import { freePort } from "./_support/free_port.ts";
import { listening, run, start } from "./_support/programs.ts";
import { until } from "./_support/until.ts";

const REPOSITORY = new URL("..", import.meta.url).pathname;
let folder: string;

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-bundle-" });
  const { code, stderr } = await run([Deno.execPath(), ["task", "bundle"]]);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  await Deno.copyFile(`${REPOSITORY}dist/sallyport.js`, `${folder}/sallyport.js`);
}, 60_000);

afterAll(() => Deno.remove(folder, { recursive: true }));

function bundle(...args: string[]): [string, string[]] {
  return [Deno.execPath(), ["run", "-A", "--no-config", `${folder}/sallyport.js`, ...args]];
}

it("the bundle runs alone: adds a user, serves, and signs them in", async () => {
  const port = freePort();
  await Deno.writeTextFile(`${folder}/routes.yaml`, `address: 127.0.0.1:${port}\nroutes: []\n`);
  const files = ["--config", `${folder}/routes.yaml`];
  const added = await run(bundle("users", "add", "ann", ...files));
  const password = /password: (\S+)/.exec(new TextDecoder().decode(added.stdout))![1]!;
  await using _gateway = start(bundle("serve", ...files));
  await listening(port);
  using browser = new FormBrowser({ caPem: await Deno.readTextFile(`${folder}/.sallyport/ca.pem`) });
  const { text } = await browser.signIn(`https://localhost:${port}/.pomerium/sign_in`, {
    name: "ann",
    password,
  });
  expect(text).toContain("ann@localhost");
}, 60_000);

it("the bundle serves with the permissions that the unit for systemd gives it", async () => {
  const port = freePort();
  const state = `${folder}/unit-state`;
  await Deno.mkdir(state);
  const yaml = `address: 127.0.0.1:${port}\nssh_address: 127.0.0.1:0\nroutes: []\n`;
  await Deno.writeTextFile(`${folder}/unit.yaml`, yaml);
  const unit = await Deno.readTextFile(`${REPOSITORY}scripts/systemd/sallyport.service`);
  const [command, ...args] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)![1]!
    .replaceAll("\\\n", " ")
    .replaceAll("/etc/sallyport/routes.yaml", `${folder}/unit.yaml`)
    .replaceAll("/usr/local/bin/deno", Deno.execPath())
    .replaceAll("/opt/sallyport", folder)
    .replaceAll("/etc/sallyport", folder)
    .replaceAll("/var/lib/sallyport", state)
    .trim().split(/\s+/);
  const env = { DENO_DIR: `${folder}/cache` };
  await using _gateway = start([command!, args], { env });
  await listening(port);
  expect([...Deno.readDirSync(state)].map(({ name }) => name)).toContain("ssh_host_ed25519_key");
}, 60_000);

it(
  "the bundle serves with several workers, which have its permissions but for running programs",
  async () => {
    const port = freePort();
    const state = `${folder}/workers-state`;
    await Deno.mkdir(state);
    const yaml = `address: 127.0.0.1:${port}\nworkers: 2\nroutes: []\n`;
    await Deno.writeTextFile(`${folder}/workers.yaml`, yaml);
    const permissions = ["--allow-net", "--allow-env", `--allow-read=${folder}`, `--allow-write=${state}`];
    const flags = ["--no-prompt", "--no-config", "--unstable-net", "--allow-run=deno", ...permissions];
    const files = ["--config", `${folder}/workers.yaml`, "--state-dir", state];
    const command = ["run", ...flags, `${folder}/sallyport.js`, "serve", ...files];
    await using gateway = start([Deno.execPath(), command]);
    await until(() => gateway.stderr().includes("serving"));
    const { stdout } = await run(bundle("status", ...files, "--json"));
    expect(JSON.parse(new TextDecoder().decode(stdout))).toMatchObject({
      workers: [{ number: 1 }, { number: 2 }],
    });
  },
  60_000,
);
