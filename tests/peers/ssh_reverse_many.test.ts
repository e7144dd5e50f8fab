import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveTcp } from "../_support/echo.ts";
import { freePort } from "../_support/free_port.ts";
import { serveGrpcHealth } from "../_support/grpc_health.ts";
import { HttpService } from "../_support/http_service.ts";
import { requirePeer } from "../_support/peers.ts";
import { SshUser } from "../_support/ssh.ts";
import { startSshRoute } from "../_support/ssh_route.ts";
import { TestAuthority } from "../_support/test_authority.ts";
import { readAll, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";

const ADA = "[{ allow: { and: [{ email: { is: ada@example.com } }] } }]";
const TUNNEL = `
    allow_public_unauthenticated_access: true
    upstream_tunnel: { ssh_policy: ${ADA} }`;

/** A gateway with these routes, and somebody who may publish them. */
async function withRoutes(routes: string, resources: AsyncDisposableStack) {
  const gateway = resources.use(
    await startTestGateway(`ssh_address: 127.0.0.1:0\nroutes:\n${routes}`),
  );
  await gateway.addUser("ada", { email: "ada@example.com" });
  const user = resources.use(await SshUser.create(gateway));
  await user.signIn(gateway, { name: "ada" });
  return { gateway, user };
}

async function publish(user: SshUser, forward: string) {
  const ssh = user.start(["-R", forward, "-v", "-N", "ada@127.0.0.1"]);
  await ssh.shows("remote forward success");
  return ssh;
}

/** Asks over a connection of its own. @returns the body of a 200; throws for everything else */
async function get(gateway: TestGateway, host: string): Promise<string> {
  const stream = denoStream(await gateway.dial());
  try {
    await stream.write(utf8(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    const [head = "", body = ""] = new TextDecoder().decode(await readAll(stream)).split("\r\n\r\n");
    if (!head.startsWith("HTTP/1.1 200")) throw new Error(head);
    // A body that comes in chunks.
    return body.replace(/^[0-9a-f]+\r\n([^]*)\r\n0\s*$/, "$1");
  } finally {
    stream.close();
  }
}

describe.skipIf(!requirePeer("ssh") || !requirePeer("sshd"))("several publishers", () => {
  it("lose no request but those in flight when one is killed under load", async () => {
    await using resources = new AsyncDisposableStack();
    const service = resources.use(
      await HttpService.start((_incoming, outgoing) => void setTimeout(() => outgoing.end("well"), 20)),
    );
    const { gateway, user } = await withRoutes(
      `  - from: https://app.example.com\n    to: ${service.url}${TUNNEL}\n`,
      resources,
    );
    const doomed = resources.use(await publish(user, "0"));
    resources.use(await publish(user, "0"));
    let killedAt = Infinity;
    const asks: Promise<{ from: number; to: number; error: unknown }>[] = [];
    for (let i = 0; i < 150; i++) {
      const from = performance.now();
      asks.push(
        get(gateway, "app.example.com").then(() => null, (error) => error).then((error) => {
          return { from, to: performance.now(), error };
        }),
      );
      if (i === 75) {
        killedAt = performance.now();
        doomed.process.kill("SIGKILL");
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const lost = (await Promise.all(asks)).filter(({ error }) => error !== null);
    for (const { from, to } of lost) expect(from <= killedAt && killedAt <= to).toBe(true);
    expect(lost.length).toBeLessThan(5);
  }, 60_000);

  it("are passed over while health checks through them fail", async () => {
    await using resources = new AsyncDisposableStack();
    const [sick, well] = await Promise.all(
      [500, 200].map((status) =>
        HttpService.start((_incoming, outgoing) => void outgoing.writeHead(status).end(String(status)))
      ),
    );
    resources.use(sick!);
    resources.use(well!);
    const { gateway, user } = await withRoutes(
      `  - from: https://app.example.com
    to: http://127.0.0.1:1
    health_checks: [{ timeout: 2s, interval: 0.1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: / } }]${TUNNEL}\n`,
      resources,
    );
    for (const { url } of [sick!, well!]) {
      resources.use(await publish(user, `app.example.com:443:localhost:${new URL(url).port}`));
    }
    await gateway.line("upstream unhealthy");
    await gateway.line("upstream healthy");
    for (let i = 0; i < 6; i++) expect(await get(gateway, "app.example.com")).toBe("200");
  });

  it.each(["grpc_health_check: {}", "tcp_health_check: {}"])(
    "are checked through the tunnel by %s",
    async (check) => {
      await using resources = new AsyncDisposableStack();
      const well = resources.use(await serveGrpcHealth({ "": 1 }));
      const sickPort = check.startsWith("tcp")
        ? freePort()
        : resources.use(await serveGrpcHealth({ "": 2 })).port;
      const { gateway, user } = await withRoutes(
        `  - from: tcp+https://app.example.com:9
    to: tcp://127.0.0.1:1
    health_checks: [{ timeout: 2s, interval: 0.1s, unhealthy_threshold: 1, healthy_threshold: 1, ${check} }]${TUNNEL}\n`,
        resources,
      );
      resources.use(await publish(user, `app.example.com:9:localhost:${sickPort}`));
      await gateway.line("upstream unhealthy");
      resources.use(await publish(user, `app.example.com:9:localhost:${well.port}`));
      await gateway.line("upstream healthy");
      for (let i = 0; i < 4; i++) {
        const { status, stream } = await gateway.connect("app.example.com:9");
        // What HTTP/2 begins with: only the one who is well speaks it.
        await stream.write(utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"));
        expect({ status, first: await stream.read(new Uint8Array(9)) }).toEqual({ status: 200, first: 9 });
        stream.close();
      }
    },
  );
});

describe.skipIf(!requirePeer("ssh") || !requirePeer("sshd"))("a publisher", () => {
  it("that is killed in the midst of a transfer leaves an end, and no hang", async () => {
    await using resources = new AsyncDisposableStack();
    using endless = serveTcp(async (conn) => {
      for (const chunk = new Uint8Array(64 * 1024);;) await conn.write(chunk);
    });
    const { gateway, user } = await withRoutes(
      `  - from: tcp+https://flood.example.com:9\n    to: tcp://127.0.0.1:${endless.port}${TUNNEL}\n`,
      resources,
    );
    const ssh = resources.use(await publish(user, "0"));
    const { status, stream } = await gateway.connect("flood.example.com:9");
    expect(status).toBe(200);
    const buffer = new Uint8Array(64 * 1024);
    for (let bytes = 0; bytes < 10_000_000;) bytes += (await stream.read(buffer))!;
    ssh.process.kill("SIGKILL");
    while (await stream.read(buffer).catch(() => null) !== null);
    stream.close();
    const { reason } = await until(() =>
      gateway.linesOf("tunnel ended").find(({ method }) => method === "CONNECT")
    );
    expect(reason).toBe("upstream-reset");
  });

  it.each(["0", "count.example.com:9:127.0.0.1:PORT"])(
    "with -R %s passes on the end of either side while the other goes on",
    async (forward) => {
      await using resources = new AsyncDisposableStack();
      using counter = serveTcp(async (conn) => {
        const { length } = await readAll(denoStream(conn));
        await conn.write(utf8(String(length)));
      });
      const { gateway, user } = await withRoutes(
        `  - from: tcp+https://count.example.com:9\n    to: tcp://127.0.0.1:${counter.port}${TUNNEL}\n`,
        resources,
      );
      resources.use(await publish(user, forward.replace("PORT", String(counter.port))));
      const { stream } = await gateway.connect("count.example.com:9");
      // Larger than every window and buffer on the way.
      for (let i = 0; i < 100; i++) await stream.write(new Uint8Array(100_000));
      await stream.closeWrite();
      expect(new TextDecoder().decode(await readAll(stream))).toBe("10000000");
      stream.close();
    },
  );

  it("carries TLS to the service, by the name and the authority of the route", async () => {
    await using resources = new AsyncDisposableStack();
    const authority = await TestAuthority.create("inner");
    const { certPem: cert, keyPem: key } = await authority.issue({
      names: [{ type: "dns", value: "inner.example.com" }],
      usages: ["1.3.6.1.5.5.7.3.1"],
    });
    const server = https.createServer({ cert, key }, (_incoming, outgoing) => void outgoing.end("secured"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    resources.defer(() => void server.close());
    const { gateway, user } = await withRoutes(
      `  - from: https://app.example.com
    to: https://localhost:${(server.address() as AddressInfo).port}
    tls_upstream_server_name: inner.example.com
    tls_custom_ca: ${btoa(authority.pem)}${TUNNEL}\n`,
      resources,
    );
    resources.use(await publish(user, "0"));
    expect(await get(gateway, "app.example.com")).toBe("secured");
  });

  it("carries HTTP/2 to an h2c service", async () => {
    await using resources = new AsyncDisposableStack();
    const server = http2.createServer((incoming, outgoing) => void outgoing.end(`h${incoming.httpVersion}`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    resources.defer(() => void server.close());
    const { gateway, user } = await withRoutes(
      `  - from: https://app.example.com
    to: h2c://localhost:${(server.address() as AddressInfo).port}${TUNNEL}\n`,
      resources,
    );
    resources.use(await publish(user, "0"));
    expect(await get(gateway, "app.example.com")).toBe("h2.0");
  });

  it("publishes the SSH server of a route", async () => {
    await using route = await startSshRoute({ route: [`upstream_tunnel: { ssh_policy: ${ADA} }`] });
    const { user, box, sshd } = route;
    expect((await user.run([box, "echo hi"])).code).toBe(255);
    await using _ssh = await publish(user, `box:22:localhost:${sshd.port}`);
    expect(await user.run([box, "echo hi; exit 7"])).toMatchObject({ code: 7, stdout: "hi\n" });
  });
});
