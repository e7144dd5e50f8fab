import type { Bench, Column, Figures, Row, Scene, Table } from "./bench.ts";
import { delay, freePort } from "./children.ts";
import { type Gateway, once, startGateway } from "./gateway.ts";
import type { Way } from "./load_program.ts";
import type { BenchOptions } from "./parse_options.ts";
import { startHaproxy } from "./peers/haproxy.ts";
import { SSH_CIPHER, sshArgs, type SshdPeer, startSshdPeer } from "./peers/sshd.ts";
import { signInWithKey } from "./ssh_sign_in.ts";
import { cpuSeconds } from "./usage.ts";

const NUMBERS = { mib: { absent: 512, max: 65_536, help: "MiB of each transfer" } } as const;

type SshOptions = BenchOptions<keyof typeof NUMBERS>;

const MIB = 2 ** 20;
const ROUTE = { host: "bench.localhost", port: 1 };
const COLUMNS: readonly Column[] = [
  { key: "mbPerSecond", title: "MB/s" },
  { key: "cpuPerGib", title: "CPU s/GiB", digits: 2 },
];

/** What runs for a variant of the gateway. */
interface Served {
  readonly gateway: Gateway;
  readonly sshPort: number;
}

/** SSH. */
export const sshBench: Bench<keyof typeof NUMBERS> = {
  about:
    `Measures what OpenSSH's client carries through the gateway and through OpenSSH's own server, with chacha20-poly1305: a
download through ssh -R, and the output of a command (through the gateway it comes from that server, by an ssh:// route).
The gateway's end of ssh -R speaks TLS with whoever asks, sshd's does not: the last row has HAProxy do it in front. A
command through the gateway goes over two connections, as it does by ssh from a host to the next: the last row.`,
  numbers: NUMBERS,
  prepare: sshTables,
};

/** The tables of SSH. */
export async function sshTables(scene: Scene, { mib }: SshOptions): Promise<Table[]> {
  const authority = await makeAuthority(scene);
  const sshd = await startSshdPeer(scene, { authorityFile: `${authority}.pub` });
  if (sshd === null) return [];
  const trees = [["sallyport", null] as const, ...Object.entries(scene.trees)];
  const served = new Map(
    trees.map(([name, tree]) => [name, once(() => startSallyport(scene, { name, tree, sshd, authority }))]),
  );
  const bytes = mib * MIB;
  const forward = once(() => forwardBySshd(scene, sshd));
  const behind = once(() => forwardBehindHaproxy(scene, forward));
  const direct: Way = { port: scene.load.ports.tls, isTls: true, pids: [] };
  const reverse = [
    ["direct TLS", () => Promise.resolve(direct)] as const,
    ...[...served].map(([name, start]) =>
      [name, once(() => forwardByGateway(scene, { start, sshd }))] as const
    ),
    ["sshd", forward] as const,
    ["sshd behind HAProxy", behind] as const,
  ].map(([name, way]): Row => ({
    name,
    measure: async () => await download(scene, { way: await way(), bytes }),
  }));
  const command = `head -c ${bytes} /dev/zero`;
  const commands = [...served].map(([name, start]): Row => ({
    name,
    measure: async () => {
      const { gateway, sshPort } = await start();
      const args = sshArgs(sshd.user, { port: sshPort, args: [`${sshd.login}@box@127.0.0.1`, command] });
      return await output(scene, { args, bytes, pids: gateway.pids });
    },
  }));
  const own = sshArgs(sshd.user, { port: sshd.port, args: [`${sshd.login}@127.0.0.1`, command] });
  const plain: Row = { name: "sshd", measure: () => output(scene, { args: own, bytes, pids: sshd.pids }) };
  const next = await startSshdPeer(scene, { name: "ssh-next" });
  const further = next === null ? [] : [onward(scene, { sshd, next, command, bytes })];
  return [
    { id: "reverse", title: `Download through ssh -R, ${SSH_CIPHER}`, columns: COLUMNS, rows: reverse },
    {
      id: "command",
      title: `Output of a command, ${SSH_CIPHER}`,
      columns: COLUMNS,
      rows: [...commands, plain, ...further],
    },
  ];
}

/** The command on another host, by the `ssh` of the first one: decrypted and encrypted again on the way, as by the gateway. */
function onward(
  scene: Scene,
  { sshd, next, command, bytes }: { sshd: SshdPeer; next: SshdPeer; command: string; bytes: number },
): Row {
  const inner = sshArgs(next.user, { port: next.port, args: [`${next.login}@127.0.0.1`, command] });
  const quoted = ["ssh", ...inner].map((arg) => `'${arg}'`).join(" ");
  const args = sshArgs(sshd.user, { port: sshd.port, args: [`${sshd.login}@127.0.0.1`, quoted] });
  return { name: "sshd, ssh to the next", measure: () => output(scene, { args, bytes, pids: sshd.pids }) };
}

/** @returns the file of the key of an authority for users; its public key is in the same with `.pub` */
async function makeAuthority({ workspace, programs }: Scene): Promise<string> {
  const file = workspace.file("user-ca");
  await programs.output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  return file;
}

async function startSallyport(
  scene: Scene,
  { name, tree, sshd, authority }: { name: string; tree: string | null; sshd: SshdPeer; authority: string },
): Promise<Served> {
  const sshPort = freePort();
  const gateway = await startGateway(scene, {
    name: `ssh-${name}`,
    tree,
    yaml: (port) =>
      `authenticate_service_url: https://localhost:${port}
ssh_address: 127.0.0.1:${sshPort}
ssh_user_ca_key_file: ${authority}
routes:
  - from: ssh://box
    to: ssh://127.0.0.1:${sshd.port}
    allow_any_authenticated_user: true
  - from: tcp+https://${ROUTE.host}:${ROUTE.port}
    to: tcp://127.0.0.1:${scene.load.ports.tcp}
    allow_public_unauthenticated_access: true
    upstream_tunnel:
      ssh_policy: [{ allow: { and: [{ authenticated_user: true }] } }]
`,
  });
  await gateway.child.accepting(sshPort, 20_000);
  await signInWithKey(scene, { gateway, sshPort, user: sshd.user });
  return { gateway, sshPort };
}

async function forwardByGateway(
  scene: Scene,
  { start, sshd }: { start: () => Promise<Served>; sshd: SshdPeer },
): Promise<Way> {
  const { gateway, sshPort } = await start();
  const forward = `${ROUTE.host}:${ROUTE.port}:127.0.0.1:${scene.load.ports.tcp}`;
  const args = sshArgs(sshd.user, { port: sshPort, args: ["-N", "-R", forward, "bench@127.0.0.1"] });
  scene.programs.start({ command: "ssh", args });
  const authority = `${ROUTE.host}:${ROUTE.port}`;
  return await opens(scene, { port: gateway.port, isTls: true, authority, pids: gateway.pids });
}

async function forwardBySshd(scene: Scene, sshd: SshdPeer): Promise<Way> {
  const port = freePort();
  const forward = `127.0.0.1:${port}:127.0.0.1:${scene.load.ports.tcp}`;
  const args = sshArgs(sshd.user, {
    port: sshd.port,
    args: ["-N", "-R", forward, `${sshd.login}@127.0.0.1`],
  });
  scene.programs.start({ command: "ssh", args });
  return await opens(scene, { port, isTls: false, pids: sshd.pids });
}

async function forwardBehindHaproxy(scene: Scene, forward: () => Promise<Way>): Promise<Way | null> {
  const { port, pids } = await forward();
  const way = await startHaproxy(scene, { name: "ssh", to: port });
  return way === null ? null : { ...way, pids: [...way.pids, ...pids] };
}

/** Waits until a tunnel can be had. */
async function opens(scene: Scene, way: Way): Promise<Way> {
  for (let tries = 0;; tries++) {
    try {
      await scene.load.run(way, { kind: "openings", count: 1 });
      return way;
    } catch (error) {
      if (tries === 50) throw error;
      await delay(100);
    }
  }
}

async function download(
  { load }: Scene,
  { way, bytes }: { way: Way | null; bytes: number },
): Promise<Figures> {
  if (way === null) return {};
  const { seconds, cpuSeconds } = await load.run(way, { kind: "download", bytes });
  const cpu = way.pids.length === 0 ? {} : { cpuPerGib: cpuSeconds / (bytes / 2 ** 30) };
  return { mbPerSecond: bytes / 1e6 / seconds, ...cpu };
}

/** From the first byte to the last. */
const TIMED = 'ssh "$@" | { head -c 1 >/dev/null; date +%s%N; wc -c; date +%s%N; }';

async function output(
  { programs }: Scene,
  { args, bytes, pids }: { args: readonly string[]; bytes: number; pids: readonly number[] },
): Promise<Figures> {
  const before = cpuSeconds(pids);
  const text = await programs.output("sh", ["-c", TIMED, "sh", ...args]);
  const [start, count, end] = text.split("\n").map(Number) as [number, number, number];
  if (count + 1 !== bytes) throw new Error(`the command gave ${count} of ${bytes} bytes`);
  const mbPerSecond = bytes / 1e6 / ((end - start) / 1e9);
  return { mbPerSecond, cpuPerGib: (cpuSeconds(pids) - before) / (bytes / 2 ** 30) };
}
