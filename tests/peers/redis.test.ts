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
  start,
} from "../_support/programs.ts";
import { PASSWORD, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const hasRedis = requirePeer("redis-server") && requirePeer("redis-cli");
let gateway: TestGateway;
let redis: RunningProgram;
let tunnel: RunningProgram;
let port: string;

beforeAll(async () => {
  if (!hasRedis) return;
  const redisPort = freePort();
  redis = start(["redis-server", ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", ""]]);
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://redis.test:6379
    to: tcp://127.0.0.1:${redisPort}
    policy: [{ allow: { or: [{ email: { is: ann@example.com } }] } }]
`);
  await gateway.addUser("ann", { email: "ann@example.com" });
  await listening(redisPort);
  const args = ["tcp", "redis.test:6379", "--gateway-url", gateway.url, "--listen", "127.0.0.1:0"];
  tunnel = start(sallyport(...args, ...clientOptions(gateway)), {
    env: clientEnv(gateway, { name: "ann", password: PASSWORD }),
  });
  port = await until(() => /listening on 127\.0\.0\.1:(\d+)/.exec(tunnel.stderr())?.[1]);
});

afterAll(async () => {
  if (!hasRedis) return;
  await tunnel[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

it.skipIf(!hasRedis)("redis-cli talks to a real redis-server through sallyport tcp", async () => {
  const cli = async (...args: string[]) => {
    const { stdout, stderr, code } = await run(["redis-cli", ["-p", port, ...args]]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return new TextDecoder().decode(stdout).trim();
  };
  expect(await cli("PING")).toBe("PONG");
  expect(await cli("SET", "greeting", "hello through the gateway")).toBe("OK");
  expect(await cli("GET", "greeting")).toBe("hello through the gateway");
  const large = "x".repeat(3_000_000);
  expect(
    await run(["redis-cli", ["-p", port, "-x", "SET", "large"]], { stdin: new TextEncoder().encode(large) }),
  )
    .toMatchObject({ code: 0 });
  expect(await cli("STRLEN", "large")).toBe("3000000");
  expect(await cli("GET", "large")).toBe(large);
  expect(gateway.linesOf("signed in")).toHaveLength(1);
});

it.skipIf(!hasRedis)("20 clients of redis-benchmark share one sallyport tcp", async () => {
  const args = ["-p", port, "-c", "20", "-n", "2000", "-t", "set,get", "-q", "--csv"];
  const { code, stdout } = await run(["redis-benchmark", args]);
  expect(code).toBe(0);
  expect(new TextDecoder().decode(stdout)).toContain('"GET"');
});
