// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { SshUser } from "../../tests/_support/ssh.ts";
import { type Sshd, startSshd } from "../../tests/_support/sshd.ts";
import type { TestGateway } from "../../tests/_support/test_gateway.ts";
import { type Child, freePort, startChild, startDeno } from "./children.ts";
import type { Path } from "./open_tunnel.ts";
import { runJob } from "./run_job.ts";
import { addBenchUser, BENCH_USER } from "./sallyport.ts";
import { parseOptions } from "./parse_options.ts";
import { spread } from "./statistics.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

const USAGE = `Usage: deno task bench ssh [OPTIONS]

Measures what OpenSSH's client carries through the gateway and through OpenSSH's own server, with chacha20-poly1305: the
output of a command (through the gateway it comes from that server, by an ssh:// route), and a download through ssh -R.

  --runs N      how often each figure is taken; the median is shown (default 3)
  --mib N       MiB of each transfer (default 512)
  --json FILE   write every figure of every run to a file`;

const NUMBERS = { runs: { absent: 3, max: 100 }, mib: { absent: 512, max: 65_536 } } as const;

const CIPHER = "chacha20-poly1305@openssh.com";
const MIB = 2 ** 20;
const ROUTE = { host: "bench.localhost", port: 1 };

interface Row {
  readonly name: string;
  readonly mbPerSecond: number[];
  readonly cpuSecondsPerGib: number[];
  readonly run: () => Promise<number>;
  /** The server between client and command or service, its children included. */
  readonly pid: number;
}

/** `deno task bench ssh`. @returns the exit code */
export async function sshBench(args: string[]): Promise<number> {
  const options = parseOptions(args, NUMBERS);
  if (typeof options === "string") {
    console.error(`error: ${options}\n\n${USAGE}`);
    return 2;
  }
  await using stack = new AsyncDisposableStack();
  const workspace = stack.use(await makeWorkspace());
  const rows = await startScene({ workspace, stack, bytes: options.mib * MIB });
  for (let run = 1; run <= options.runs; run++) {
    console.error(`run ${run} of ${options.runs}`);
    for (const row of rows) await measure(row, options.mib);
  }
  console.log(report(rows, options));
  if (options.json !== null) await Deno.writeTextFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  return 0;
}

async function startScene(
  { workspace, stack, bytes }: { workspace: Workspace; stack: AsyncDisposableStack; bytes: number },
): Promise<Row[]> {
  const service = stack.use(
    startDeno("scripts/bench/service.ts", {
      env: { CERT_FILE: workspace.certFile, KEY_FILE: workspace.keyFile },
    }),
  );
  const servicePort = (JSON.parse(await service.firstLine(10_000)) as { tcp: number }).tcp;
  const [tlsPort, sshPort, sshdPort, forwardPort] = [freePort(), freePort(), freePort(), freePort()];
  const user = stack.use(await makeUser(workspace, sshPort));
  const authorityFile = await makeAuthority(workspace, user);
  const sshd = stack.use(
    await startSshd(authorityFile, {
      port: sshdPort,
      settings: [`AuthorizedKeysFile ${user.folder}/id.pub`],
    }),
  );
  const gateway = stack.use(await startGateway({ workspace, servicePort, tlsPort, sshPort, sshdPort }));
  await signIn(user, workspace);
  const direct = (port: number, options: readonly string[]) => sshArgs({ user, port, options });
  const own = `${BENCH_USER.name}@127.0.0.1`;
  const start = (args: readonly string[]) => stack.use(startChild({ command: "ssh", args }));
  start(direct(sshPort, ["-N", "-R", `${ROUTE.host}:${ROUTE.port}:127.0.0.1:${servicePort}`, own]));
  start(
    direct(sshdPort, [
      "-N",
      "-R",
      `127.0.0.1:${forwardPort}:127.0.0.1:${servicePort}`,
      `${Deno.env.get("USER") ?? "root"}@127.0.0.1`,
    ]),
  );
  const paths = {
    gateway: {
      port: tlsPort,
      caPem: workspace.caPem,
      connect: { authority: `${ROUTE.host}:${ROUTE.port}`, token: null },
    },
    sshd: { port: forwardPort, caPem: null, connect: null },
  };
  await Promise.all(Object.values(paths).map(opens));
  const command = `head -c ${bytes} /dev/zero`;
  const login = `${Deno.env.get("USER") ?? "root"}`;
  return [
    row("ssh -R, sallyport", gateway.pid, () => download(paths.gateway, bytes)),
    row("ssh -R, sshd", sshdPid(sshd), () => download(paths.sshd, bytes)),
    row(
      "command, sallyport",
      gateway.pid,
      () => output(direct(sshPort, [`${login}@box@127.0.0.1`, command]), bytes),
    ),
    row(
      "command, sshd",
      sshdPid(sshd),
      () => output(direct(sshdPort, [`${login}@127.0.0.1`, command]), bytes),
    ),
  ];
}

function row(name: string, pid: number, run: () => Promise<number>): Row {
  return { name, pid, run, mbPerSecond: [], cpuSecondsPerGib: [] };
}

async function makeUser(workspace: Workspace, port: number): Promise<SshUser> {
  const folder = workspace.file("user");
  await Deno.mkdir(folder);
  const user = new SshUser(folder, port);
  await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", "id");
  return user;
}

/** @returns the file of its public key; the private one beside it is the gateway's */
async function makeAuthority(workspace: Workspace, user: SshUser): Promise<string> {
  await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", workspace.file("user-ca"));
  return workspace.file("user-ca.pub");
}

async function startGateway(
  { workspace, servicePort, tlsPort, sshPort, sshdPort }: {
    workspace: Workspace;
    servicePort: number;
    tlsPort: number;
    sshPort: number;
    sshdPort: number;
  },
): Promise<Child> {
  const routes = await workspace.write(
    "routes.yaml",
    `address: 127.0.0.1:${tlsPort}
authenticate_service_url: https://localhost:${tlsPort}
ssh_address: 127.0.0.1:${sshPort}
ssh_user_ca_key_file: ${workspace.file("user-ca")}
certificates:
  - cert: ${workspace.certFile}
    key: ${workspace.keyFile}
routes:
  - from: ssh://box
    to: ssh://127.0.0.1:${sshdPort}
    allow_any_authenticated_user: true
  - from: tcp+https://${ROUTE.host}:${ROUTE.port}
    to: tcp://127.0.0.1:${servicePort}
    allow_public_unauthenticated_access: true
    upstream_tunnel:
      ssh_policy: [{ allow: { and: [{ authenticated_user: true }] } }]
`,
  );
  const files = ["-c", routes, "--state-dir", workspace.file("state")];
  await addBenchUser(files);
  const gateway = startDeno("mod.ts", { args: ["serve", ...files] });
  await gateway.accepting(tlsPort, 20_000);
  await gateway.accepting(sshPort, 20_000);
  return gateway;
}

/** The key is remembered, so that later connections need no browser. */
async function signIn(user: SshUser, { caPem }: Workspace): Promise<void> {
  const { code, stderr } = await user.signIn({ caPem } as TestGateway, {
    name: BENCH_USER.name,
    remember: true,
  });
  if (code !== 0) throw new Error(`The sign-in of the benchmark failed: ${stderr}`);
}

function sshArgs(
  { user, port, options }: { user: SshUser; port: number; options: readonly string[] },
): string[] {
  const base = user.options();
  // The port of the gateway is the last of them.
  return [...base.slice(0, -2), "-p", String(port), "-c", CIPHER, ...options];
}

/** Waits until a tunnel can be had. */
async function opens(path: Path): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      await runJob({ name: "", path, pid: null }, { kind: "download", bytes: 1 });
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function download(path: Path, bytes: number): Promise<number> {
  return (await runJob({ name: "", path, pid: null }, { kind: "download", bytes })).seconds;
}

/** @returns seconds from the first byte to the last */
async function output(args: string[], bytes: number): Promise<number> {
  const child = new Deno.Command("ssh", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const complaint = new Response(child.stderr).text();
  let [start, count] = [0, 0];
  for await (const chunk of child.stdout) {
    if (count === 0) start = performance.now();
    count += chunk.length;
  }
  if (count !== bytes) throw new Error(`ssh ended after ${count} bytes: ${await complaint}`);
  return (performance.now() - start) / 1000;
}

async function measure(row: Row, mib: number): Promise<void> {
  const before = cpuWithChildren(row.pid);
  const seconds = await row.run();
  const cpu = cpuWithChildren(row.pid) - before;
  row.mbPerSecond.push(mib * MIB / 1e6 / seconds);
  row.cpuSecondsPerGib.push(cpu / (mib / 1024));
}

function sshdPid({ program }: Sshd): number {
  return program.process.pid;
}

/** In seconds: of a process, of children that have ended, and of those that have not. */
function cpuWithChildren(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / 100;
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(
    Boolean,
  );
  return children.reduce((sum, child) => sum + cpuOf(Number(child)), own);
}

/** Of one that may be gone by now. */
function cpuOf(pid: number): number {
  try {
    return cpuWithChildren(pid);
  } catch {
    return 0;
  }
}

function report(rows: readonly Row[], { runs, mib }: { runs: number; mib: number }): string {
  const cell = (values: readonly number[], digits = 0) => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
  };
  return [
    `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`,
    `median (least..most) of ${runs} runs of ${mib} MiB, ${CIPHER}`,
    "",
    "| way | MB/s | CPU s/GiB of the server |",
    "| --- | ---: | ---: |",
    ...rows.map(({ name, mbPerSecond, cpuSecondsPerGib }) =>
      `| ${name} | ${cell(mbPerSecond)} | ${cell(cpuSecondsPerGib, 2)} |`
    ),
  ].join("\n");
}
