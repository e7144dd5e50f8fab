// deno-lint-ignore-file no-console -- speaks to the program that started it

/**
 * The load by our own client, for what the load program in C does not speak: takes a {@link Job} as JSON from the variable
 * `JOB`, and speaks as load/main.c does.
 */
import process from "node:process";
import type { CarrierName } from "../../lib/client/carrier.ts";
import { connectCarrier } from "../../lib/client/connect.ts";
import { measurePackets } from "./load_packets.ts";
import type { Load, Way } from "./load_program.ts";
import { measureTunnel } from "./load_tunnel.ts";

/** What to do, on which way. */
export interface Job {
  readonly way: Way;
  readonly load: Load;
}

async function main({ way, load }: Job): Promise<object> {
  const { signal } = new AbortController();
  const gateway = { tls: true, host: "localhost", port: way.port };
  const trust = { caCerts: [await Deno.readTextFile(Deno.env.get("CA_FILE")!)], verify: true };
  const carrier = await connectCarrier(way.http as CarrierName, { gateway, trust, signal });
  const request = { token: way.header?.split(" ").at(-1) ?? null, userAgent: "bench", signal };
  switch (load.kind) {
    case "download":
    case "upload":
    case "echo":
    case "twoWrites":
      return await measureTunnel(await carrier.openTcp(way.authority!, request), { load, begin });
    case "udpLatency":
    case "udpRate":
    case "udpOneWay": {
      const [host, port] = load.udp!.split("/");
      return await measurePackets(await carrier.openUdp({ host: host!, port: Number(port) }, request), {
        load,
        begin,
      });
    }
    default:
      throw new TypeError(`Our own client has no load ${load.kind}`);
  }
}

let cpuBefore = process.cpuUsage();

async function begin(): Promise<void> {
  console.log("ready");
  await Deno.stdin.read(new Uint8Array(1));
  cpuBefore = process.cpuUsage();
}

if (import.meta.main) {
  const outcome = await main(JSON.parse(Deno.env.get("JOB")!) as Job);
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ ...outcome, loadCpuSeconds: (user + system) / 1e6 }));
  Deno.exit();
}
