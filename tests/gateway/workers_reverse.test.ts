import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { capsuleFlow } from "../../lib/carrier/capsule_flow.ts";
import { serveEcho, serveTcp, type TestService } from "../_support/echo.ts";
import { requirePeer } from "../_support/peers.ts";
import { clientEnv, clientOptions, sallyport, sha256, start } from "../_support/programs.ts";
import { SshUser } from "../_support/ssh.ts";
import { PASSWORD, readAll, readExactly, until } from "../_support/test_gateway.ts";
import { serveUdp, type UdpService } from "../_support/udp_service.ts";
import { askUdp1, udpPath } from "../_support/udp_tunnel.ts";
import { WorkersGateway } from "../_support/workers_gateway.ts";

const WORKERS = 3;
const ALL = [1, 2, 3];
const ADA = "[{ allow: { and: [{ email: { is: ada@example.com } }] } }]";
const PUBLIC = "allow_public_unauthenticated_access: true";
const TARGET = "echo.example.com:7000";

describe("what is published to one of three workers", () => {
  let echo: TestService;
  let udp: UdpService;
  let gateway: WorkersGateway;

  beforeAll(async () => {
    echo = serveEcho();
    udp = serveUdp((payload) => payload);
    gateway = await WorkersGateway.start(`
workers: ${WORKERS}
ssh_address: 127.0.0.1:0
routes:
  - name: echo
    from: tcp+https://${TARGET}
    to: tcp://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - name: dynamic
    from: tcp+https://dynamic.example.com:7000
    to: tcp://127.0.0.1:${echo.port}
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - name: datagrams
    from: udp+https://udp.example.com:53
    to: udp://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
`);
    await gateway.addUser("ada", { email: "ada@example.com" });
  }, 60_000);

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    echo?.[Symbol.dispose]();
    udp?.[Symbol.dispose]();
  });

  const publishing = (route: string, to: string) =>
    start(sallyport("publish", route, "--to", to, "--gateway-url", gateway.url, ...clientOptions(gateway)), {
      env: clientEnv(gateway, { name: "ada", password: PASSWORD }),
    });

  /** Waits until each of these workers knows so many publishers of a route. */
  async function published(route: string, count: number, workers = ALL): Promise<void> {
    for (const worker of workers) {
      for (let known = -1; known !== count;) {
        const { upstreams } = await gateway.askWorker<Status>(worker, "/status");
        known = upstreams.filter((one) => one.route === route).length;
      }
    }
  }

  async function echoes(stream: ByteStream, text: string): Promise<void> {
    await stream.write(utf8(text));
    expect(await readExactly(stream, text.length)).toBe(text);
  }

  it("is reached through each of them: sallyport publish", async () => {
    await using program = publishing("echo", `127.0.0.1:${echo.port}`);
    await until(() => program.stderr().includes("is published on"));
    await published("echo", 1);
    const tunnels = await gateway.connectToEach(WORKERS, TARGET);
    for (const { stream } of tunnels) await echoes(stream, "hello");
    for (const { stream } of tunnels) {
      await stream.closeWrite();
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    await until(() => echo.open === 0);
    const ended = await until(() => {
      const lines = gateway.linesOf("tunnel ended").filter(({ host }) => host === TARGET);
      return lines.length === tunnels.length && lines;
    });
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(["completed"]));
  }, 40_000);

  it("is gone for all of them with its publisher", async () => {
    await published("echo", 0);
    for (let asked = 0; asked < 10; asked++) {
      const { status, stream } = await gateway.connect(TARGET);
      stream.close();
      expect(status).toBe(503);
    }
  });

  it("carries many bytes from another worker", async () => {
    const big = new Uint8Array(8 * 1024 * 1024).fill(7);
    using service = serveTcp(async (conn) => {
      await conn.read(new Uint8Array(1));
      for (let sent = 0; sent < big.length;) sent += await conn.write(big.subarray(sent));
    });
    await using program = publishing("echo", `127.0.0.1:${service.port}`);
    await until(() => program.stderr().includes("is published on"));
    await published("echo", 1);
    for (const { stream } of await gateway.connectToEach(WORKERS, TARGET)) {
      await stream.write(new Uint8Array(1));
      expect(await sha256((await readAll(stream)).slice())).toBe(await sha256(big));
      stream.close();
    }
  }, 60_000);

  it("carries datagrams", async () => {
    await using program = publishing("datagrams", `127.0.0.1:${udp.port}`);
    await until(() => program.stderr().includes("is published on"));
    await published("datagrams", 1);
    for (let asked = 0; asked < 12; asked++) {
      const { status, stream } = await askUdp1(gateway, udpPath("udp.example.com", 53));
      expect(status).toBe(101);
      const flow = capsuleFlow(stream);
      const got = Promise.withResolvers<string>();
      void flow.receive((payload) => got.resolve(new TextDecoder().decode(payload)));
      flow.send(utf8(`datagram ${asked}`));
      expect(await got.promise).toBe(`datagram ${asked}`);
      flow.close();
    }
  }, 40_000);

  it.skipIf(!requirePeer("ssh"))("is reached through each of them: ssh -R", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    await using ssh = user.start([
      ...["-R", `echo.example.com:7000:localhost:${echo.port}`, "-R", "dynamic.example.com:0"],
      ...["-v", "-N", "ada@127.0.0.1"],
    ]);
    await until(() => (ssh.stderr.match(/remote forward success/g)?.length ?? 0) === 2);
    await published("echo", 1);
    await published("dynamic", 1);
    for (const target of [TARGET, "dynamic.example.com:7000"]) {
      const tunnels = await gateway.connectToEach(WORKERS, target);
      for (const { stream } of tunnels) await echoes(stream, "over ssh");
      for (const { stream } of tunnels) stream.close();
    }
    const holder = await holderOf("echo");
    const kept = await gateway.connectToEach(WORKERS, TARGET);
    Deno.kill((await gateway.pids()).get(holder)!, "SIGKILL");
    for (const { stream } of kept) {
      await readAll(stream).catch(() => {});
      stream.close();
    }
    await published("echo", 0, ALL.filter((worker) => worker !== holder));
    const reasons = await until(() => {
      const found = kept.map(({ headers }) => endOf(headers.get("x-request-id")!));
      return found.every((end) => end !== undefined) && found.map((end) => end!.reason);
    });
    expect(new Set(reasons)).toEqual(new Set(["worker-ended", "upstream-reset"]));
  }, 60_000);

  function endOf(id: string) {
    return gateway.linesOf("tunnel ended").find((line) => line["request-id"] === id);
  }

  /** The only worker whose end takes the publisher with it: the one that has the connection of SSH. */
  async function holderOf(route: string): Promise<number> {
    for (let worker = 1; worker <= WORKERS; worker++) {
      const { connections, tunnels, upstreams } = await gateway.askWorker<Status>(worker, "/status");
      if (upstreams.some((one) => one.route === route) && connections > tunnels) return worker;
    }
    throw new Error("nobody holds it");
  }
});

interface Status {
  readonly connections: number;
  readonly tunnels: number;
  readonly upstreams: readonly { readonly route: string }[];
}
