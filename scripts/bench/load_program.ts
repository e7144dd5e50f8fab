import { type Child, findProgram, type Launcher } from "./children.ts";
import { cpuSeconds } from "./usage.ts";
import type { Workspace } from "./workspace.ts";

/** Ports of the service behind the tunnels, on 127.0.0.1. */
export interface ServicePorts {
  readonly tcp: number;
  readonly tls: number;
  readonly udp: number;
}

/** A way to the service. */
export interface Way {
  /** Where to connect, on 127.0.0.1. */
  readonly port: number;
  /** Whether over TLS. */
  readonly isTls: boolean;
  /** What to CONNECT to (RFC 9110 section 9.3.6). Without, the server forwards without being asked. */
  readonly authority?: string;
  /** A field for CONNECT, as in `Authorization: Pomerium TOKEN`. */
  readonly header?: string;
  /** `h3` is carried by our own client, a Deno program. Default `h1`. */
  readonly http?: "h1" | "h2" | "h3";
  /** Shows a client certificate. Default false. */
  readonly hasCertificate?: boolean;
  /** Resumes TLS sessions where it can. Default false. */
  readonly isResumed?: boolean;
  /** Of whatever is between load and service; empty when there is nothing. */
  readonly pids: readonly number[];
}

/** Moves bytes, in so many tunnels at once (default 1); the time does not count the opening. */
export interface BulkLoad {
  readonly kind: "download" | "upload";
  readonly bytes: number;
  readonly streams?: number;
}

/** Sends a byte and waits for the answer (one write, or two), until one of the bounds is reached. */
export interface RoundTripLoad {
  readonly kind: "echo" | "twoWrites";
  readonly rounds: number;
  readonly maxMs: number;
}

/**
 * Opens tunnels, so many at once (default 8), and sends one byte and back through each; then closes it, or holds it until
 * the child is disposed.
 */
export interface OpeningLoad {
  readonly kind: "openings" | "hold";
  readonly count: number;
  readonly concurrency?: number;
}

/** Packets of so many bytes: one at a time, there and back; many under way; as many as can be sent, one way. */
export interface PacketLoad {
  readonly kind: "udpLatency" | "udpRate" | "udpOneWay";
  readonly size: number;
  readonly maxMs: number;
  /** HOST/PORT to ask for, where there is a proxy. */
  readonly udp?: string;
}

/** What to do on a way. */
export type Load = BulkLoad | RoundTripLoad | OpeningLoad | PacketLoad;

/** What came of it. Figures that the kind of load does not have are 0. */
export interface Outcome {
  readonly seconds: number;
  /** Tunnels, round trips, or packets that arrived. */
  readonly count: number;
  /** Microseconds, of a round trip or of an opening with its first round trip. */
  readonly p50: number;
  readonly p99: number;
  /** Share, 0 to 1, that took longer than 20 ms: somebody waited for a delayed acknowledgement. */
  readonly stalled: number;
  /** Handshakes that resumed a session. */
  readonly resumed: number;
  /** Share of the packets, 0 to 1, that did not arrive. */
  readonly lost: number;
  /** Processor time of what is between load and service. */
  readonly cpuSeconds: number;
  /** Processor time of the load. */
  readonly loadCpuSeconds: number;
}

/** The load of the benchmarks, and the service that it reaches (scripts/bench/load). */
export interface LoadProgram {
  readonly ports: ServicePorts;
  /** Puts a load on a way. */
  run(way: Way, load: Load): Promise<Outcome>;
  /** Puts a load on a way. The caller disposes the child. */
  hold(way: Way, load: Load): Promise<Child>;
}

const JOB_TIMEOUT_MS = 180_000;
const SOURCES = ["main", "common", "service", "tunnels", "http2", "udp"];
const PACKAGES = "gcc libc6-dev libssl-dev libnghttp2-dev";
const NONE = { p50: 0, p99: 0, stalled: 0, resumed: 0, lost: 0 };

/**
 * Builds the load program, and starts its service.
 *
 * @throws {Error} when a compiler or a library is missing: the message says what to install
 */
export async function startLoadProgram(
  { workspace, programs }: { workspace: Workspace; programs: Launcher },
): Promise<LoadProgram> {
  const command = await build(workspace);
  const pair = ["--cert", workspace.certFile, "--key", workspace.keyFile];
  const service = programs.start({ command, args: ["service", ...pair] });
  const ports = JSON.parse(await service.line(10_000)) as ServicePorts;
  const start = async (way: Way, load: Load) => {
    const child = isForClient(way, load)
      ? programs.startDeno("scripts/bench/load_client.ts", {
        env: { JOB: JSON.stringify({ way, load }), CA_FILE: workspace.caFile },
      })
      : programs.start({
        command,
        args: argsOf(way, { load, workspace }),
        env: way.header === undefined ? {} : { LOAD_HEADER: way.header },
      });
    if (await child.line(JOB_TIMEOUT_MS) !== "ready") throw new Error("The load program is not ready");
    return child;
  };
  return {
    ports,
    async run(way, load) {
      await using child = await start(way, load);
      const before = cpuSeconds(way.pids);
      await child.say("\n");
      const outcome = JSON.parse(await child.line(JOB_TIMEOUT_MS)) as Omit<Outcome, "cpuSeconds">;
      return { ...NONE, ...outcome, cpuSeconds: cpuSeconds(way.pids) - before };
    },
    async hold(way, load) {
      const child = await start(way, load);
      await child.say("\n");
      await child.line(JOB_TIMEOUT_MS);
      return child;
    },
  };
}

/** What the program in C does not speak. */
function isForClient({ http }: Way, { kind }: Load): boolean {
  return http === "h3" || (http === "h2" && kind.startsWith("udp"));
}

async function build(workspace: Workspace): Promise<string> {
  const compiler = findProgram("cc");
  if (compiler === null) throw new Error(`There is no C compiler: apt-get install ${PACKAGES}`);
  const program = workspace.file("load");
  const sources = SOURCES.map((name) => new URL(`load/${name}.c`, import.meta.url).pathname);
  const args = [
    "-std=c11",
    "-O2",
    "-D_GNU_SOURCE",
    "-o",
    program,
    ...sources,
    "-lssl",
    "-lcrypto",
    "-lnghttp2",
  ];
  const { success, stderr } = await new Deno.Command(compiler, { args }).output();
  if (success) return program;
  const complaint = new TextDecoder().decode(stderr);
  const hint = /fatal error: \S+: No such file|cannot find -l/.test(complaint)
    ? `apt-get install ${PACKAGES}`
    : "";
  throw new Error(`The load program was not built: ${hint || complaint}`);
}

function argsOf(way: Way, { load, workspace }: { load: Load; workspace: Workspace }): string[] {
  const { kind, maxMs, ...numbers } = { maxMs: undefined, ...load };
  const options: Record<string, string | number | undefined> = {
    port: way.port,
    ca: way.isTls ? workspace.caFile : undefined,
    cert: way.hasCertificate ? workspace.clientCertFile : undefined,
    key: way.hasCertificate ? workspace.clientKeyFile : undefined,
    authority: way.authority,
    "max-ms": maxMs,
    ...numbers,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return [
    kind,
    ...given.flatMap(([name, value]) => [`--${name}`, `${value}`]),
    ...way.http === "h2" ? ["--http2"] : [],
    ...way.isResumed ? ["--resume"] : [],
  ];
}
