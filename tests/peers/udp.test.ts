import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CARRIER_NAMES } from "../../lib/client/carrier.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import {
  clientEnv,
  clientOptions,
  type ProgramResult,
  run,
  type RunningProgram,
  sallyport,
  start,
} from "../_support/programs.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { until } from "../_support/until.ts";
import { startWireGuard } from "./_wireguard.ts";

const hasDns = requirePeer("dnsmasq") && requirePeer("dig");
const hasIperf = requirePeer("iperf3");
const hasChrony = requirePeer("chronyd");
const hasWireGuard = requirePeer("wireguard-go") && requirePeer("wg") && requirePeer("ip") &&
  requirePeer("ping");

/** A measurement with iperf3 that has not succeeded by then tells why. */
const MAX_ATTEMPTS_MS = 25_000;

const ports = { dns: freePort(), iperf: freePort(), ntp: freePort(), wireGuard: freePort() };
const services = new AsyncDisposableStack();
let gateway: TestGateway;

beforeAll(async () => {
  gateway = services.use(
    await startTestGateway(`
routes:
  - from: udp+https://dns.test:53
    to: udp://127.0.0.1:${ports.dns}
    policy: [{ allow: { or: [{ email: { is: ann@example.com } }] } }]
  - from: udp+https://iperf.test:5201
    to: udp://127.0.0.1:${ports.iperf}
    allow_public_unauthenticated_access: true
  - from: tcp+https://iperf.test:5201
    to: tcp://127.0.0.1:${ports.iperf}
    allow_public_unauthenticated_access: true
  - from: udp+https://ntp.test:123
    to: udp://127.0.0.1:${ports.ntp}
    allow_public_unauthenticated_access: true
  - from: udp+https://wireguard.test:51820
    to: udp://127.0.0.1:${ports.wireGuard}
    allow_public_unauthenticated_access: true
`),
  );
  await gateway.addUser("ann", { email: "ann@example.com" });
  // At once, before somebody else takes their ports.
  if (hasDns) services.use(startDnsmasq());
  if (hasChrony) {
    const folder = await Deno.makeTempDir();
    services.defer(() => Deno.remove(folder, { recursive: true }));
    services.use(await startChronyd(folder));
  }
});

afterAll(() => services.disposeAsync());

/** `sallyport udp` or `tcp`, and the port that it listens on. */
async function tunnel(
  kind: "tcp" | "udp",
  destination: string,
  options: { carrier: string; port?: number },
): Promise<{ port: number; stderr: () => string } & AsyncDisposable> {
  const listen = `127.0.0.1:${options.port ?? 0}`;
  const args = [
    kind,
    destination,
    "--gateway-url",
    gateway.url,
    "--listen",
    listen,
    "--carrier",
    options.carrier,
  ];
  const program = start(sallyport(...args, ...clientOptions(gateway)), {
    env: clientEnv(gateway, { name: "ann", password: PASSWORD }),
  });
  const port = Number(await until(() => /listening on 127\.0\.0\.1:(\d+)/.exec(program.stderr())?.[1]));
  return { port, stderr: program.stderr, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

it.skipIf(!hasDns)(
  "sallyport udp says why a tunnel was ended, and opens another for the next packet",
  async () => {
    await using way = await tunnel("udp", "dns.test:53", { carrier: "h3" });
    const args = ["+short", "+tries=30", "+time=1", "@127.0.0.1", "-p", String(way.port), "a.example.test"];
    expect((await run(["dig", args])).code).toBe(0);
    const [live] = gateway.gateway.tunnels.list().filter(({ target }) => target.host === "dns.test");
    gateway.gateway.tunnels.end(live!.id, "no-longer-allowed", "by this test");
    await until(() => /tunnel to dns\.test:53 closed: .*by this test/.exec(way.stderr()));
    expect((await run(["dig", args])).code).toBe(0);
  },
);

describe.each(CARRIER_NAMES)("sallyport udp over %s", (carrier) => {
  it.skipIf(!hasDns)("asks a real DNS server with dig, signed in", async () => {
    await using way = await tunnel("udp", "dns.test:53", { carrier });
    const dig = async (name: string) => {
      const args = ["+short", "+tries=30", "+time=1", "@127.0.0.1", "-p", String(way.port), name];
      // On a busy machine it says first that it asks again.
      return new TextDecoder().decode((await run(["dig", args])).stdout).trim().split("\n").at(-1);
    };
    expect(await dig("a.example.test")).toBe("192.0.2.55");
    const many = await Promise.all(Array.from({ length: 20 }, (_, index) => dig(`n${index}.example.test`)));
    expect(new Set(many)).toEqual(new Set(["192.0.2.55"]));
  });

  it.skipIf(!hasIperf)("carries iperf3 -u both ways without loss", async () => {
    const port = freePort();
    await using _udp = await tunnel("udp", "iperf.test:5201", { carrier, port });
    await using _tcp = await tunnel("tcp", "iperf.test:5201", { carrier: "h1", port });
    for (const direction of [[], ["-R"]]) {
      const load = ["-u", "-b", "4M", "-l", "1000", "-t", "1", "--json", ...direction];
      const { stdout } = await untilOk(() => iperf(port, load));
      const { end } = JSON.parse(new TextDecoder().decode(stdout));
      expect(end.sum.packets).toBeGreaterThan(400);
      expect(end.sum.lost_percent).toBeLessThan(1);
    }
  }, 60_000);

  it.skipIf(!hasChrony)("asks a real time server with chronyd -Q", async () => {
    await using way = await tunnel("udp", "ntp.test:123", { carrier });
    const server = `server 127.0.0.1 port ${way.port} iburst maxsamples 1`;
    const { code, stderr, stdout } = await run(["chronyd", ["-Q", "-t", "20", "-f", "/dev/null", server]]);
    const said = stderr + new TextDecoder().decode(stdout);
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/System clock wrong by -?0\./) });
  });

  it.skipIf(!hasWireGuard)("holds a WireGuard session", async () => {
    await using way = await tunnel("udp", "wireguard.test:51820", { carrier });
    await using network = await startWireGuard({ near: way.port, far: ports.wireGuard });
    const { code, stdout } = await network.ping();
    expect({ code, text: new TextDecoder().decode(stdout) }).toMatchObject({
      code: 0,
      text: expect.stringContaining(" 0% packet loss"),
    });
  });
});

/**
 * One measurement. Client and server of iperf3 wait for each other for long when a first packet is lost, and may not heed a
 * request to end, so that both are killed and begin anew.
 */
async function iperf(port: number, load: readonly string[]): Promise<ProgramResult> {
  const bounded = (
    ...args: string[]
  ): [string, string[]] => ["timeout", ["-s", "KILL", "6", "iperf3", ...args]];
  await using _server = start(bounded("-s", "-1", "-B", "127.0.0.1", "-p", String(ports.iperf)));
  return await run(bounded("-c", "127.0.0.1", "-p", String(port), ...load));
}

/** A packet can be lost, and the service may not listen yet: once more, for a while. */
async function untilOk(measure: () => Promise<ProgramResult>): Promise<ProgramResult> {
  const end = performance.now() + MAX_ATTEMPTS_MS;
  for (;;) {
    const { code, stdout, stderr } = await measure();
    if (code === 0) return { code, stdout, stderr };
    if (performance.now() > end) {
      throw new Error(`iperf3 ended with ${code}: ${stderr}${new TextDecoder().decode(stdout)}`);
    }
  }
}

function startDnsmasq(): RunningProgram {
  const options = ["--no-daemon", "--bind-interfaces", "--no-resolv", "--no-hosts", "--conf-file=/dev/null"];
  const address = ["--listen-address=127.0.0.1", `--port=${ports.dns}`, "--address=/example.test/192.0.2.55"];
  return start(["dnsmasq", [...options, ...address, "--user=", "--pid-file"]]);
}

async function startChronyd(folder: string): Promise<RunningProgram> {
  const file = `${folder}/chrony.conf`;
  const lines = [
    `port ${ports.ntp}`,
    "bindaddress 127.0.0.1",
    "allow 127.0.0.1",
    "local stratum 1",
    "cmdport 0",
  ];
  await Deno.writeTextFile(file, [...lines, `pidfile ${folder}/chronyd.pid`, ""].join("\n"));
  return start(["chronyd", ["-d", "-x", "-f", file, "-U"]]);
}
