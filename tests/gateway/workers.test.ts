import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import type { GatewayStatus, Plan } from "../../lib/http/control/control_services.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { programmaticToken, readAll, readExactly, until } from "../_support/test_gateway.ts";
import { askUdp3, udpPath } from "../_support/udp_tunnel.ts";
import { WorkersGateway } from "../_support/workers_gateway.ts";

const WORKERS = 3;

describe("a gateway of three workers", () => {
  let echo: TestService;
  let gateway: WorkersGateway;

  const config = (more = "") => `
workers: ${WORKERS}
routes:
  - name: echo
    from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
${more}`;

  beforeAll(async () => {
    echo = serveEcho();
    gateway = await WorkersGateway.start(config());
    for (const name of ["ann", "bob", "cat"]) await gateway.addUser(name);
  }, 60_000);

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    echo?.[Symbol.dispose]();
  });

  /** Whether a tunnel carries bytes both ways. */
  async function echoes({ stream }: { stream: ByteStream }, text: string): Promise<void> {
    await stream.write(utf8(text));
    expect(await readExactly(stream, text.length)).toBe(text);
  }

  it("carries a sign-in from one to the other, whichever the browser comes to", async () => {
    using browser = new FormBrowser({ caPem: gateway.caPem, keepsConnections: false });
    const token = await programmaticToken(gateway, browser, "cat");
    expect(token).not.toBe("");
  });

  it("takes the token of one sign-in on each of them, and ends the tunnels of all with the session", async () => {
    const token = await gateway.token("ann");
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    for (const tunnel of tunnels) await echoes(tunnel, "hello");
    expect(await gateway.ask("/sessions/ann", { method: "DELETE" })).toMatchObject({
      revoked: [expect.any(String)],
    });
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    const ended = await until(() => {
      const lines = gateway.linesOf("tunnel ended").filter(({ reason }) => reason === "session-ended");
      return lines.length === tunnels.length && lines;
    });
    expect(ended).toHaveLength(tunnels.length);
  });

  it("counts and lists what is open in all of them, and ends a tunnel wherever it is", async () => {
    const token = await gateway.token("bob");
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    const status = await gateway.ask<GatewayStatus>("/status");
    expect(status).toMatchObject({
      pid: gateway.process.pid,
      revision: 1,
      tunnels: tunnels.length,
      routes: 1,
    });
    expect(status.workers!.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(new Set(status.workers!.map(({ pid }) => pid)).size).toBe(WORKERS);
    expect(status.workers!.every((worker) => worker.tunnels > 0)).toBe(true);
    const metrics = await gateway.askText("/metrics");
    expect(metrics).toMatch(new RegExp(`^sallyport_tunnels ${tunnels.length}$`, "m"));
    expect(metrics).toMatch(/^sallyport_routes 1$/m);
    expect(metrics).toMatch(/^sallyport_workers 3$/m);
    expect(metrics.match(/^# HELP sallyport_tunnels /gm)).toHaveLength(1);

    const listed = await gateway.ask<{ id: string }[]>("/tunnels");
    expect(listed).toHaveLength(tunnels.length);
    for (const { id } of listed) {
      expect(await gateway.ask(`/tunnels/${id.slice(0, 12)}`)).toMatchObject({ id, host: "echo.test:7" });
      expect(await gateway.ask(`/tunnels/${id}`, { method: "DELETE" })).toEqual({ killed: [id] });
    }
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
  });

  it("tells a client why its tunnel ended, whichever of them it asks", async () => {
    const token = await gateway.token("bob");
    const tunnel = await gateway.connect("echo.test:7", { token });
    const id = tunnel.headers.get("x-request-id")!;
    await gateway.ask(`/tunnels/${id}`, { method: "DELETE" });
    for (let asked = 0; asked < 20; asked++) {
      expect(await fetchJson(`/.pomerium/api/v1/tunnels/${id}`, token)).toMatchObject({ reason: "killed" });
    }
    tunnel.stream.close();
  });

  it("says at each of them where HTTP/3 is, which one serves", async () => {
    for (let asked = 0; asked < 20; asked++) {
      using client = Deno.createHttpClient({ caCerts: [gateway.caPem], poolMaxIdlePerHost: 0 });
      const response = await fetch(`${gateway.url}/healthz`, { client });
      await response.body?.cancel();
      expect(response.headers.get("alt-svc")).toMatch(`h3=":${gateway.port}"`);
    }
    const { status, connection } = await askUdp3(gateway, udpPath("nowhere.test", 1));
    connection.close();
    expect(status).toBe(404);
    expect(gateway.linesOf("serving HTTP/3")).toHaveLength(1);
  });

  it("plans for all of them, and changes all or none", async () => {
    const token = await gateway.token("bob");
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    const without = `address: 127.0.0.1:0\nworkers: ${WORKERS}\nlog_level: debug\nroutes:\n` +
      "  - { name: other, from: tcp+https://other.test:7, to: tcp://127.0.0.1:1, allow_any_authenticated_user: true }\n";
    const plan = await gateway.ask<Plan>("/plan", { method: "POST", body: without });
    expect(plan).toMatchObject({
      ok: true,
      revision: 1,
      globals: [],
      routes: { added: [{ name: "other" }] },
    });
    expect(plan.tunnels).toHaveLength(tunnels.length);

    const broken = await gateway.ask("/apply", { method: "POST", body: without + "nonsense: [" });
    expect(broken).toMatchObject({ ok: false });
    // A port of somebody else: no worker can listen there.
    using taken = serveEcho();
    const elsewhere = without.replace("127.0.0.1:0", `127.0.0.1:${taken.port}`);
    expect(await gateway.ask("/apply", { method: "POST", body: elsewhere })).toMatchObject({ ok: false });
    for (const tunnel of tunnels) await echoes(tunnel, "still here");
    await expect(gateway.ask("/apply?plan=1-0000", { method: "POST", body: without })).rejects.toThrow(
      /The plan is not of this configuration/,
    );

    const applied = await gateway.ask(`/apply?plan=${plan.id}`, { method: "POST", body: without });
    expect(applied).toMatchObject({ ok: true, cause: "applied" });
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    for (let worker = 1; worker <= WORKERS; worker++) {
      expect(await gateway.askWorker(worker, "/status")).toMatchObject({ revision: 2 });
    }
    await expect(gateway.ask(`/apply?plan=${plan.id}`, { method: "POST", body: without })).rejects.toThrow(
      /The plan is not of this configuration/,
    );
    expect(await gateway.ask("/reload", { method: "POST" })).toMatchObject({ ok: true });
    expect(await gateway.ask("/status")).toMatchObject({ revision: 3, lastReload: { ok: true } });
    const again = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    for (const tunnel of again) {
      await echoes(tunnel, "back");
      tunnel.stream.close();
    }
  });

  it("follows the file", async () => {
    const { revision } = await gateway.ask<GatewayStatus>("/status");
    await gateway.writeConfig(`log_level: debug\n${config("    timeout: 1h")}`);
    await eventually(async () => (await gateway.ask<GatewayStatus>("/status")).revision === revision + 1);
    for (let worker = 1; worker <= WORKERS; worker++) {
      expect(await gateway.askWorker(worker, "/status")).toMatchObject({ revision: revision + 1 });
    }
  });

  it("replaces a worker that is killed; its tunnels end with a reason, those of others go on", async () => {
    const token = await gateway.token("bob");
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    const before = await gateway.pids();
    const [lost, kept] = [
      tunnels.filter(({ worker }) => worker === 2),
      tunnels.filter(({ worker }) => worker !== 2),
    ];
    const busy = kept.map((tunnel) => keepBusy(tunnel.stream));
    Deno.kill(before.get(2)!, "SIGKILL");
    for (const { stream } of lost) {
      await readAll(stream).catch(() => {});
      stream.close();
    }
    const ended = await until(() => {
      const lines = gateway.linesOf("tunnel ended").filter(({ reason }) => reason === "worker-ended");
      return lines.length >= lost.length && lines;
    });
    expect(ended.map(({ reason, host, email }) => ({ reason, host, email }))).toEqual(
      lost.map(() => ({ reason: "worker-ended", host: "echo.test:7", email: "bob@localhost" })),
    );
    expect(new Set(ended.map((line) => line["request-id"]))).toEqual(
      new Set(lost.map(({ headers }) => headers.get("x-request-id"))),
    );
    expect(await gateway.line("worker ended; another takes its place")).toMatchObject({
      level: "error",
      worker: 2,
      how: "by SIGKILL",
      tunnels: lost.length,
    });
    await eventually(async () => {
      const now = await gateway.pids();
      return now.has(2) && now.get(2) !== before.get(2);
    });
    const after = await gateway.pids();
    expect([after.get(1), after.get(3)]).toEqual([before.get(1), before.get(3)]);
    for (const one of busy) {
      const rounds = one.rounds();
      await until(() => one.rounds() > rounds);
      await one.stop();
    }
    const id = lost[0]!.headers.get("x-request-id")!;
    expect(await fetchJson(`/.pomerium/api/v1/tunnels/${id}`, token)).toMatchObject({
      reason: "worker-ended",
    });
    const again = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    for (const tunnel of again) {
      await echoes(tunnel, "all again");
      tunnel.stream.close();
    }
  });

  it("counts sign-ins that fail together", async () => {
    // More than one of them may have of an address, and fewer than three.
    const TRIES = 30;
    for (let tried = 0; tried < TRIES; tried++) {
      using browser = new FormBrowser({ caPem: gateway.caPem });
      await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name: `eve${tried}`, password: "guess" });
    }
    const limited = await until(() => {
      const { length } = gateway.linesOf("sign in limited");
      return gateway.linesOf("sign in refused").length + length === TRIES && length;
    });
    expect(limited).toBeGreaterThanOrEqual(TRIES - 20);
  }, 60_000);

  async function fetchJson(path: string, token: string): Promise<unknown> {
    using client = Deno.createHttpClient({ caCerts: [gateway.caPem], poolMaxIdlePerHost: 0 });
    const headers = { authorization: `Pomerium ${token}` };
    return await (await fetch(`${gateway.url}${path}`, { client, headers })).json();
  }
});

/** Waits until something that has to be asked for holds. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds());
}

/** Sends and reads over and over. */
function keepBusy(stream: ByteStream): { rounds(): number; stop(): Promise<void> } {
  let rounds = 0;
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      await stream.write(utf8("ping"));
      await readExactly(stream, 4);
      rounds++;
    }
    stream.close();
  })();
  return {
    rounds: () => rounds,
    stop: async () => {
      isOver = true;
      await running;
    },
  };
}
