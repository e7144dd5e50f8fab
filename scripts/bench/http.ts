// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { freePort, startChild, startDeno } from "./children.ts";
import { parseOptions } from "./parse_options.ts";
import { spread } from "./statistics.ts";
import { cpuSeconds } from "./usage.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

const USAGE = `Usage: deno task bench http [OPTIONS]

Measures HTTP requests through the gateway and through nginx as a TLS reverse proxy of one process, in front of the same
nginx: small answers with wrk, and 100 MB with curl. Needs nginx, wrk and curl.

  --runs N      how often each figure is taken; the median is shown (default 3)
  --seconds N   length of a measurement with wrk (default 4)
  --json FILE   write every figure of every run to a file`;

const NUMBERS = { runs: { absent: 3, max: 100 }, seconds: { absent: 4, max: 100 } } as const;

const HOST = "www.localhost";
const CONNECTIONS = 32;
const LARGE_BYTES = 100_000_000;

interface Proxy {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Row {
  readonly proxy: Proxy;
  readonly perSecond: number[];
  readonly p50Micros: number[];
  readonly p99Micros: number[];
  readonly perCpuSecond: number[];
  readonly mbPerSecond: number[];
  readonly cpuSecondsPerGib: number[];
}

/** `deno task bench http`. @returns the exit code */
export async function httpBench(args: string[]): Promise<number> {
  const options = parseOptions(args, NUMBERS);
  if (typeof options === "string") {
    console.error(`error: ${options}\n\n${USAGE}`);
    return 2;
  }
  await using stack = new AsyncDisposableStack();
  const workspace = stack.use(await makeWorkspace());
  const origin = await startOrigin(workspace, stack);
  const proxies = [
    await startSallyport({ workspace, stack, origin }),
    await startNginx({ workspace, stack, origin }),
  ];
  const rows: Row[] = proxies.map((proxy) => ({
    proxy,
    perSecond: [],
    p50Micros: [],
    p99Micros: [],
    perCpuSecond: [],
    mbPerSecond: [],
    cpuSecondsPerGib: [],
  }));
  for (let run = 1; run <= options.runs; run++) {
    console.error(`run ${run} of ${options.runs}`);
    for (const row of rows) {
      await small(row, { seconds: options.seconds });
      await large(row, workspace);
    }
  }
  console.log(report(rows, options));
  if (options.json !== null) await Deno.writeTextFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  return 0;
}

interface Scene {
  readonly workspace: Workspace;
  readonly stack: AsyncDisposableStack;
  readonly origin: number;
}

/** The service behind both. @returns its port */
async function startOrigin(workspace: Workspace, stack: AsyncDisposableStack): Promise<number> {
  const port = freePort();
  await Deno.writeFile(workspace.file("large"), new Uint8Array(LARGE_BYTES));
  const server = `listen 127.0.0.1:${port};
    location = /small { return 200 "hello, world"; }
    location / { root ${workspace.file("")}; }`;
  await nginx(server, { workspace, stack, port, name: "origin" });
  return port;
}

async function startNginx({ workspace, stack, origin }: Scene): Promise<Proxy> {
  const port = freePort();
  const server = `listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${workspace.certFile};
    ssl_certificate_key ${workspace.keyFile};
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }`;
  const upstream = `upstream origin { server 127.0.0.1:${origin}; keepalive 64; }`;
  return {
    name: "nginx",
    port,
    pid: await nginx(server, { workspace, stack, port, name: "proxy", upstream }),
  };
}

async function startSallyport({ workspace, stack, origin }: Scene): Promise<Proxy> {
  const port = freePort();
  const routes = await workspace.write(
    "routes.yaml",
    `address: 127.0.0.1:${port}
certificates:
  - cert: ${workspace.certFile}
    key: ${workspace.keyFile}
routes:
  - from: https://${HOST}
    to: http://127.0.0.1:${origin}
    allow_public_unauthenticated_access: true
`,
  );
  const files = ["-c", routes, "--state-dir", workspace.file("state")];
  const gateway = stack.use(startDeno("mod.ts", { args: ["serve", ...files] }));
  await gateway.accepting(port, 20_000);
  return { name: "sallyport", port, pid: gateway.pid };
}

async function nginx(
  server: string,
  options: {
    workspace: Workspace;
    stack: AsyncDisposableStack;
    port: number;
    name: string;
    upstream?: string;
  },
): Promise<number> {
  const { workspace, stack, port, name, upstream = "" } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${workspace.file(`${name}-${kind}`)};`).join("\n  ");
  const config = await workspace.write(
    `${name}.conf`,
    `daemon off;
master_process off;
pid ${workspace.file(`${name}.pid`)};
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  ${temporary}
  ${upstream}
  server {
    ${server}
  }
}
`,
  );
  const child = stack.use(startChild({ command: "nginx", args: ["-e", "stderr", "-c", config] }));
  await child.accepting(port, 20_000);
  return child.pid;
}

async function small(row: Row, { seconds }: { seconds: number }): Promise<void> {
  const { port, pid } = row.proxy;
  const url = `https://127.0.0.1:${port}/small`;
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", "-H", `Host: ${HOST}`, url];
  const before = cpuSeconds(pid);
  const text = await output("wrk", args);
  const cpu = cpuSeconds(pid) - before;
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]);
  if (/Non-2xx/.test(text)) throw new Error(`${row.proxy.name} did not answer: ${text}`);
  row.perSecond.push(perSecond);
  row.perCpuSecond.push(perSecond * seconds / cpu);
  row.p50Micros.push(micros(/50%\s+([\d.]+)(us|ms|s)/.exec(text)!));
  row.p99Micros.push(micros(/99%\s+([\d.]+)(us|ms|s)/.exec(text)!));
}

async function large(row: Row, workspace: Workspace): Promise<void> {
  const { port, pid } = row.proxy;
  const ca = await workspace.write("ca.pem", workspace.caPem);
  const resolve = `${HOST}:${port}:127.0.0.1`;
  const args = ["-sS", "-o", "/dev/null", "-k", "--http1.1", "--cacert", ca, "--resolve", resolve];
  const before = cpuSeconds(pid);
  const speed = await output("curl", [...args, "-w", "%{speed_download}", `https://${HOST}:${port}/large`]);
  row.mbPerSecond.push(Number(speed) / 1e6);
  row.cpuSecondsPerGib.push((cpuSeconds(pid) - before) / (LARGE_BYTES / 2 ** 30));
}

function micros([, number, unit]: RegExpExecArray): number {
  return Number(number) * (unit === "us" ? 1 : unit === "ms" ? 1e3 : 1e6);
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function report(rows: readonly Row[], { runs, seconds }: { runs: number; seconds: number }): string {
  const cell = (values: readonly number[], digits = 0) => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
  };
  const lines = rows.map((row) =>
    `| ${
      [
        row.proxy.name,
        cell(row.perSecond),
        cell(row.p50Micros),
        cell(row.p99Micros),
        cell(row.perCpuSecond),
        cell(row.mbPerSecond),
        cell(row.cpuSecondsPerGib, 2),
      ].join(" | ")
    } |`
  );
  return [
    `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`,
    `median (least..most) of ${runs} runs of ${seconds} s with ${CONNECTIONS} connections; 100 MB by one`,
    "",
    "| proxy | requests/s | p50 us | p99 us | requests per CPU s | MB/s | CPU s/GiB |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}
