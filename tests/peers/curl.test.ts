import { afterAll, beforeAll, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { run, sha256 } from "../_support/programs.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const hasCurl = requirePeer("curl");
const FILE = crypto.getRandomValues(new Uint8Array(65536));
let gateway: TestGateway;
let web: Deno.HttpServer<Deno.NetAddr>;
let token: string;

beforeAll(async () => {
  if (!hasCurl) return;
  web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method === "POST") return new Response(await request.bytes());
    return new Response(FILE);
  });
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://web.test:80
    to: tcp://127.0.0.1:${web.addr.port}
    allowed_domains: [example.com]
`);
  await gateway.addUser("carl", { email: "carl@example.com" });
  token = await gateway.token("carl");
});

afterAll(async () => {
  if (!hasCurl) return;
  await gateway[Symbol.asyncDispose]();
  await web.shutdown();
});

function curl(...args: string[]) {
  const proxy = [
    "--silent",
    "--show-error",
    "--proxytunnel",
    "--proxy",
    gateway.url,
    "--proxy-cacert",
    gateway.caFile,
  ];
  return run(["curl", [...proxy, ...args]]);
}

it.skipIf(!hasCurl)("curl --proxytunnel fetches with the token in a header", async () => {
  const { code, stdout, stderr } = await curl(
    "--proxy-header",
    `Authorization: Pomerium ${token}`,
    "http://web.test/",
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(new Uint8Array(stdout)).toEqual(FILE);
});

it.skipIf(!hasCurl)("curl --proxy-user carries the token as a password", async () => {
  const { code, stdout } = await curl("--proxy-user", `pomerium:${token}`, "http://web.test/");
  expect(code).toBe(0);
  expect(stdout).toHaveLength(FILE.length);
});

it.skipIf(!hasCurl)("curl posts 5 MB and gets them back", async () => {
  const bytes = new Uint8Array(5_000_000).fill(7);
  await Deno.writeFile(`${gateway.folder}/post.bin`, bytes);
  const data = ["--data-binary", `@${gateway.folder}/post.bin`, "-H", "Expect:"];
  const { stdout } = await curl(
    "--proxy-header",
    `Authorization: Pomerium ${token}`,
    ...data,
    "http://web.test/",
  );
  expect(await sha256(new Uint8Array(stdout))).toBe(await sha256(bytes));
});

it.skipIf(!hasCurl)("curl hears 302 without a token and 401 with a bad one", async () => {
  const without = await curl("http://web.test/");
  expect(without.stderr).toContain("302");
  const bad = await curl("--proxy-header", "Authorization: Pomerium a.b.c", "http://web.test/");
  expect(bad.stderr).toContain("401");
});
