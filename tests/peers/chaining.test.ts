import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { capsuleFlow } from "../../lib/carrier/capsule_flow.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { connectUdpThrough } from "../../lib/upstream/dial_proxy.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { requirePeer } from "../_support/peers.ts";
import { listening, type RunningProgram, start } from "../_support/programs.ts";
import { freePort } from "../_support/free_port.ts";
import { readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const PUBLIC = "allow_public_unauthenticated_access: true";

async function startSquid(folder: string, port: number): Promise<RunningProgram> {
  const file = `${folder}/squid.conf`;
  await Deno.chmod(folder, 0o777);
  await Deno.writeTextFile(
    file,
    `http_port 127.0.0.1:${port}
acl forbidden port 9
http_access deny forbidden
http_access allow all
cache deny all
pid_filename none
access_log none
cache_log ${folder}/cache.log
coredump_dir ${folder}
shutdown_lifetime 0 seconds
`,
  );
  const squid = start(["squid", ["-N", "-f", file]]);
  await listening(port);
  return squid;
}

async function echoes(gateway: TestGateway, target: string): Promise<void> {
  const { status, stream } = await gateway.connect(target);
  expect(status).toBe(200);
  await stream.write(utf8("there and back"));
  expect(await readExactly(stream, 14)).toBe("there and back");
  stream.close();
}

/** Status and error token of a refusal. */
async function refusal(
  gateway: TestGateway,
  target: string,
  via?: string,
): Promise<[number, string | undefined]> {
  const headers = via === undefined ? {} : { headers: { via } };
  const { status, headers: answer, stream } = await gateway.connect(target, headers);
  stream.close();
  return [status, /error=(\w+)/.exec(answer.get("proxy-status") ?? "")?.[1]];
}

describe.skipIf(!requirePeer("squid"))("a TCP route that leads to squid", () => {
  let folder: string;
  let squid: RunningProgram;
  let echo: TestService;
  let gateway: TestGateway;
  const closed = freePort();

  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "sallyport-squid-" });
    const port = freePort();
    squid = await startSquid(folder, port);
    echo = serveEcho();
    const from = `tcp+https://bastion.test/127.0.0.1:${echo.port}/127.0.0.1:${closed}/127.0.0.1:9`;
    gateway = await startTestGateway(`
routes:
  - { from: "${from}", to: "http://127.0.0.1:${port}", ${PUBLIC} }
  - { from: "tcp+https://itself.test:1", to: "http://127.0.0.1:${port}", preserve_host_header: false, ${PUBLIC} }
`);
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    echo[Symbol.dispose]();
    await squid[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  });

  it("reaches the destination through it", async () => {
    await echoes(gateway, `127.0.0.1:${echo.port}`);
    expect(gateway.gateway.tunnels.size).toBeLessThanOrEqual(1);
  });

  it("passes large data in both directions, whole", async () => {
    const { stream } = await gateway.connect(`127.0.0.1:${echo.port}`);
    const text = "0123456789abcdef".repeat(64 * 1024);
    const [received] = await Promise.all([readExactly(stream, text.length), stream.write(utf8(text))]);
    expect(received === text).toBe(true);
    stream.close();
  });

  it("says that it refused", async () => {
    expect(await refusal(gateway, "127.0.0.1:9")).toEqual([503, "http_request_denied"]);
  });

  it("says that it could not get any further", async () => {
    expect(await refusal(gateway, `127.0.0.1:${closed}`)).toEqual([503, "destination_unavailable"]);
  });

  it("asks it for itself with preserve_host_header: false", async () => {
    // Squid then speaks HTTP at the end of the tunnel.
    const { status, stream } = await gateway.connect("itself.test:1");
    expect(status).toBe(200);
    await stream.write(utf8(`CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n`));
    expect(await readExactly(stream, 12)).toBe("HTTP/1.1 403");
    stream.close();
  });
});

describe("a TCP route that leads to a second gateway", () => {
  let echo: TestService;
  let first: TestGateway;
  let second: TestGateway;

  beforeAll(async () => {
    echo = serveEcho();
    const [firstPort, secondPort] = [freePort(), freePort()];
    second = await startTestGateway(
      `
routes:
  - { from: "tcp+https://echo.test:7", to: "tcp://127.0.0.1:${echo.port}", ${PUBLIC} }
  - { from: "tcp+https://closed.test:7", to: "tcp://127.0.0.1:${freePort()}", ${PUBLIC} }
  - { from: "tcp+https://circle.test:7", to: "https://127.0.0.1:${firstPort}", tls_skip_verify: true, ${PUBLIC} }
  - { from: "tcp+https://private.test:7", to: "tcp://127.0.0.1:${echo.port}", allow_any_authenticated_user: true }
`,
      { port: secondPort },
    );
    const next =
      `to: "https://localhost:${secondPort}", tls_server_name: localhost, tls_custom_ca_file: ${second.caFile}`;
    const routes = ["echo", "closed", "circle", "private", "unknown"].map((name) =>
      `  - { from: "tcp+https://${name}.test:7", ${next}, ${PUBLIC} }\n`
    );
    const own =
      `  - { from: "tcp+https://own.test:7", to: "https://127.0.0.1:${firstPort}", tls_skip_verify: true, ${PUBLIC} }\n`;
    first = await startTestGateway(`routes:\n${routes.join("")}${own}`, { port: firstPort });
  });

  afterAll(async () => {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    echo[Symbol.dispose]();
  });

  it("reaches the service behind it", async () => {
    await echoes(first, "echo.test:7");
  });

  it.each([
    ["closed.test:7", "destination_unavailable"],
    ["private.test:7", "http_request_denied"],
    ["unknown.test:7", "http_request_denied"],
  ])("passes a refusal of %s on as %s", async (target, error) => {
    expect(await refusal(first, target)).toEqual([503, error]);
  });

  it.each(["own.test:7", "circle.test:7"])("ends the circle of %s", async (target) => {
    expect(await refusal(first, target)).toEqual([503, "proxy_loop_detected"]);
  });

  it("refuses a request that has been through too many proxies", async () => {
    const via = Array.from({ length: 20 }, (_, i) => `1.1 proxy-${i}`).join(", ");
    expect(await refusal(first, "echo.test:7", via)).toEqual([508, "proxy_loop_detected"]);
  });
});

describe("a UDP route that leads to a second gateway", () => {
  it("carries datagrams", async () => {
    const echo = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    void (async () => {
      for await (const [bytes, from] of echo) await echo.send(bytes, from);
    })();
    const { port } = echo.addr as Deno.NetAddr;
    await using second = await startTestGateway(
      `routes: [{ from: "udp+https://echo.test:7", to: "udp://127.0.0.1:${port}", ${PUBLIC} }]`,
    );
    const next = `to: "https://localhost:${second.port}", tls_custom_ca_file: ${second.caFile}`;
    await using first = await startTestGateway(
      `routes: [{ from: "udp+https://echo.test:7", ${next}, ${PUBLIC} }]`,
    );
    const stream = await connectUdpThrough(denoStream(await first.dial()), {
      proxy: parseTo(first.url).upstream,
      target: { host: "echo.test", port: 7 },
      via: "1.1 test",
      signal: AbortSignal.timeout(10_000),
    });
    const flow = capsuleFlow(stream);
    const received: string[] = [];
    const receiving = flow.receive((payload) => void received.push(new TextDecoder().decode(payload)));
    flow.send(utf8("there and back"));
    await until(() => received.length === 1);
    expect(received).toEqual(["there and back"]);
    flow.close();
    await receiving.catch(() => {});
    echo.close();
  });

  it("ends a circle", async () => {
    const port = freePort();
    await using gateway = await startTestGateway(
      `routes: [{ from: "udp+https://own.test:7", to: "https://127.0.0.1:${port}", tls_skip_verify: true, ${PUBLIC} }]`,
      { port },
    );
    const asking = connectUdpThrough(denoStream(await gateway.dial()), {
      proxy: parseTo(gateway.url).upstream,
      target: { host: "own.test", port: 7 },
      via: "1.1 test",
      signal: AbortSignal.timeout(10_000),
    });
    await expect(asking).rejects.toMatchObject({ code: "dial/proxy-loop" });
  });
});
