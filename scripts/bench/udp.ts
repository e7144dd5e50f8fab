// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { CARRIER_NAMES } from "../../lib/client/carrier.ts";
import { type Child, freePort, startDeno } from "./children.ts";
import type { UdpJob, UdpOutcome } from "./load_udp.ts";
import { parseOptions } from "./parse_options.ts";
import { spread } from "./statistics.ts";
import { cpuSeconds } from "./usage.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

const USAGE = `Usage: deno task bench udp [OPTIONS]

Measures UDP packets to a service and back: straight, and through the gateway over HTTP/3, HTTP/2 and HTTP/1.1.

  --runs N      how often each figure is taken; the median is shown (default 3)
  --seconds N   length of a measurement (default 2)
  --json FILE   write every figure of every run to a file`;

const NUMBERS = { runs: { absent: 3, max: 100 }, seconds: { absent: 2, max: 100 } } as const;

const SIZES = [64, 512, 1100, 1200] as const;
const WAYS = ["direct", ...CARRIER_NAMES] as const;
const TARGET = { host: "udp.localhost", port: 7 };

type Way = (typeof WAYS)[number];

interface Scene {
  readonly port: number;
  readonly caPem: string;
  readonly servicePort: number;
  readonly gateway: Child;
}

interface Row {
  readonly way: Way;
  readonly size: number;
  readonly p50: number[];
  readonly p99: number[];
  readonly perSecond: number[];
  readonly lostPercent: number[];
  /** Packets both ways, one each, for which the gateway spends one second of processor time. */
  readonly perCpuSecond: number[];
}

/** `deno task bench udp`. @returns the exit code */
export async function udpBench(args: string[]): Promise<number> {
  const options = parseOptions(args, NUMBERS);
  if (typeof options === "string") {
    console.error(`error: ${options}\n\n${USAGE}`);
    return 2;
  }
  await using stack = new AsyncDisposableStack();
  const scene = await startScene(stack.use(await makeWorkspace()), stack);
  const rows: Row[] = SIZES.flatMap((size) =>
    WAYS.map((way) => ({ way, size, p50: [], p99: [], perSecond: [], lostPercent: [], perCpuSecond: [] }))
  );
  for (let run = 1; run <= options.runs; run++) {
    console.error(`run ${run} of ${options.runs}`);
    for (const row of rows) await measure(row, { scene, ms: options.seconds * 1000 });
  }
  console.log(report(rows, options));
  if (options.json !== null) await Deno.writeTextFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  return 0;
}

async function startScene(workspace: Workspace, stack: AsyncDisposableStack): Promise<Scene> {
  const port = freePort();
  const service = stack.use(startDeno("scripts/bench/udp_echo.ts", {}));
  const servicePort = Number(await service.firstLine(20_000));
  const routes = await workspace.write(
    "routes.yaml",
    `address: 127.0.0.1:${port}
codec_type: http3
certificates:
  - cert: ${workspace.certFile}
    key: ${workspace.keyFile}
udp_limits:
  packets_per_second: 0
  bytes_per_second: 0
routes:
  - from: udp+https://${TARGET.host}:${TARGET.port}
    to: udp://127.0.0.1:${servicePort}
    allow_public_unauthenticated_access: true
`,
  );
  const gateway = stack.use(
    startDeno("mod.ts", { args: ["serve", "-c", routes, "--state-dir", workspace.file("state")] }),
  );
  await gateway.accepting(port, 20_000);
  return { port, caPem: workspace.caPem, servicePort, gateway };
}

async function measure(row: Row, { scene, ms }: { scene: Scene; ms: number }): Promise<void> {
  const one = await load({ kind: "latency", row, scene, ms });
  const before = cpuSeconds(scene.gateway.pid);
  const many = await load({ kind: "rate", row, scene, ms });
  const cpu = cpuSeconds(scene.gateway.pid) - before;
  row.p50.push(one.p50);
  row.p99.push(one.p99);
  row.perSecond.push(many.perSecond);
  row.lostPercent.push(many.lost * 100);
  row.perCpuSecond.push(row.way === "direct" ? NaN : many.perSecond * ms / 1000 / cpu);
}

async function load(
  { kind, row, scene, ms }: { kind: UdpJob["kind"]; row: Row; scene: Scene; ms: number },
): Promise<UdpOutcome> {
  const { port, caPem, servicePort } = scene;
  const gateway = row.way === "direct" ? null : { carrier: row.way, port, caPem, target: TARGET };
  const job: UdpJob = { gateway, servicePort, size: row.size, kind, ms };
  await using child = startDeno("scripts/bench/load_udp.ts", { env: { JOB: JSON.stringify(job) } });
  return JSON.parse(await child.firstLine(ms + 20_000)) as UdpOutcome;
}

function report(rows: readonly Row[], { runs, seconds }: { runs: number; seconds: number }): string {
  const direct = new Map(rows.filter(({ way }) => way === "direct").map((row) => [row.size, row]));
  const cell = (values: readonly number[], digits = 0) => {
    const { median, min, max } = spread(values);
    const text = (value: number) => value.toFixed(digits);
    return Number.isNaN(median) ? "-" : `${text(median)} (${text(min)}..${text(max)})`;
  };
  const lines = rows.map((row) => {
    const base = direct.get(row.size)!;
    const added = row === base ? [] : row.p50.map((value, run) => value - base.p50[run]!);
    const cells = [
      row.way,
      String(row.size),
      cell(row.p50),
      added.length === 0 ? "-" : cell(added),
      cell(row.p99),
      cell(row.perSecond),
      cell(row.lostPercent, 2),
      cell(row.perCpuSecond),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`,
    `median (least..most) of ${runs} runs of ${seconds} s`,
    "",
    "| way | bytes | p50 us | p50 added us | p99 us | packets/s each way | % lost | packets each way per CPU s of the gateway |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}
