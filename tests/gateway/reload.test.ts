import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { freePort } from "../_support/free_port.ts";
import { readAll, readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let other: TestService;
let gateway: TestGateway;
const tokens = new Map<string, string>();

beforeEach(async () => {
  tokens.clear();
  echo = serveEcho();
  other = serveEcho();
  gateway = await startTestGateway(config());
  await gateway.addUser("ann", { email: "ann@example.com", groups: ["engineering"] });
  await gateway.addUser("bob", { email: "bob@example.com" });
});

afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
  other[Symbol.dispose]();
});

interface Variant {
  /** Who may use the echo route. */
  readonly users?: readonly string[];
  readonly to?: readonly string[];
  readonly more?: string;
}

function config({ users = ["ann@example.com", "bob@example.com"], to, more = "" }: Variant = {}): string {
  const upstreams = to ?? [`tcp://127.0.0.1:${echo.port}`];
  return `
routes:
  - name: echo
    from: tcp+https://echo.test:7
    to: ${JSON.stringify(upstreams)}
    allowed_users: ${JSON.stringify(users)}
${more}`;
}

async function reload(yaml: string) {
  await gateway.writeConfig(yaml);
  return await gateway.gateway.reloader.reload("test");
}

async function openTunnel(name: string) {
  const token = tokens.get(name) ?? await gateway.token(name);
  tokens.set(name, token);
  const { status, stream } = await gateway.connect("echo.test:7", { token });
  expect(status).toBe(200);
  return {
    stream,
    ping: async () => {
      await stream.write(utf8("ping"));
      expect(await readExactly(stream, 4)).toBe("ping");
    },
  };
}

async function openTunnels(count: number) {
  // The first signs in.
  const first = await openTunnel("ann");
  return [first, ...await Promise.all(Array.from({ length: count - 1 }, () => openTunnel("ann")))];
}

describe("a reload", () => {
  it("cuts the tunnels that are no longer allowed and no others, and the trail pairs the cause with each", async () => {
    const ann = await openTunnel("ann");
    const bob = await openTunnel("bob");
    expect(await reload(config({ users: ["ann@example.com"] }))).toMatchObject({ ok: true });
    expect(await readAll(bob.stream)).toHaveLength(0);
    bob.stream.close();
    await ann.ping();
    ann.stream.close();
    expect(await gateway.line("tunnel ended")).toMatchObject({
      email: "bob@example.com",
      reason: "no-longer-allowed",
      detail: "user-unauthorized, email-unauthorized; test, revision 2",
    });
  });

  it.each([
    ["adds a route", () => ({ more: "  - {from: 'tcp+https://new.test:1', to: 'tcp://127.0.0.1:1'}" })],
    ["adds an upstream", () => ({ to: [`tcp://127.0.0.1:${echo.port}`, `tcp://127.0.0.1:${other.port}`] })],
    ["changes a limit", () => ({ more: "    idle_timeout: 1h" })],
  ])("that %s cuts nothing", async (_what, variant) => {
    const ann = await openTunnel("ann");
    expect(await reload(config(variant()))).toMatchObject({ ok: true, complaints: expect.any(Array) });
    await ann.ping();
    ann.stream.close();
  });

  it("cuts a tunnel whose service the route no longer leads to, and one whose route is gone", async () => {
    const first = await openTunnel("ann");
    await reload(config({ to: [`tcp://127.0.0.1:${other.port}`] }));
    expect(await readAll(first.stream)).toHaveLength(0);
    first.stream.close();
    const second = await openTunnel("ann");
    await reload("routes: []");
    expect(await readAll(second.stream)).toHaveLength(0);
    second.stream.close();
    const ends = [await gateway.line("tunnel ended", 1), await gateway.line("tunnel ended", 2)];
    expect(ends.map(({ reason }) => reason)).toEqual(["upstream-removed", "route-removed"]);
  });

  it("of a bad file is refused with line and caret, and the configuration before it goes on", async () => {
    const ann = await openTunnel("ann");
    const outcome = await reload(config().replace("allowed_users", "policy: nonsense\n    allowed_users"));
    expect(outcome.ok).toBe(false);
    expect(outcome.complaints.join()).toMatch(/routes\.yaml:\d+:\d+: error: [\s\S]*\^/);
    await ann.ping();
    ann.stream.close();
    await (await openTunnel("bob")).stream.close();
  });

  it("listens on another port before it leaves the one before, and open tunnels live on", async () => {
    const ann = await openTunnel("ann");
    const before = gateway.port;
    const port = freePort();
    await gateway.writeConfig(config(), { port });
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: true });
    expect(gateway.port).toBe(port);
    await ann.ping();
    ann.stream.close();
    await expect(Deno.connect({ hostname: "127.0.0.1", port: before })).rejects.toThrow();
    (await openTunnel("ann")).stream.close();
  });

  it("listens on another address of the same port", async () => {
    const ann = await openTunnel("ann");
    const { port } = gateway;
    await gateway.writeConfig(config(), { port });
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: true });
    await gateway.writeConfig(config(), { hostname: "127.0.0.2", port });
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: true });
    await ann.ping();
    ann.stream.close();
    (await Deno.connect({ hostname: "127.0.0.2", port })).close();
    await gateway.writeConfig(config(), { hostname: "192.0.2.1", port });
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: false });
    (await Deno.connect({ hostname: "127.0.0.2", port })).close();
  });

  it("whose file has vanished is refused, and the configuration before it goes on", async () => {
    const ann = await openTunnel("ann");
    await Deno.remove(`${gateway.folder}/routes.yaml`);
    const outcome = await gateway.gateway.reloader.reload("test");
    expect(outcome.ok).toBe(false);
    expect(outcome.complaints.join()).toContain("Cannot read the configuration");
    await ann.ping();
    ann.stream.close();
  });

  it("a hundred times under load loses none of 500 tunnels that are still allowed", async () => {
    const tunnels = await openTunnels(500);
    let running = true;
    const load = tunnels.map(async (tunnel) => {
      let pings = 0;
      while (running) {
        await tunnel.ping();
        pings++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return pings;
    });
    for (let n = 0; n < 100; n++) {
      const variant = n % 2 === 0 ? { users: ["ann@example.com"] } : {};
      expect(await reload(config(variant))).toMatchObject({ ok: true });
    }
    running = false;
    expect((await Promise.all(load)).every((pings) => pings > 0)).toBe(true);
    expect(gateway.linesOf("tunnel ended")).toEqual([]);
    for (const { stream } of tunnels) stream.close();
  }, 60_000);
});

describe("the configuration file", () => {
  it("is read again when it changes, unless hot reload is switched off", async () => {
    const bob = await openTunnel("bob");
    await gateway.writeConfig(config({ users: ["ann@example.com"] }));
    expect(await readAll(bob.stream)).toHaveLength(0);
    bob.stream.close();
    await gateway.writeConfig(`runtime_flags: {config_hot_reload: false}\n${config()}`);
    await until(() =>
      gateway.gateway.reloader.last?.ok && gateway.linesOf("configuration reloaded").length === 2
    );
    await gateway.writeConfig("routes: []");
    expect(await gateway.gateway.reloader.reload("asked")).toMatchObject({ cause: "asked" });
  });
});
