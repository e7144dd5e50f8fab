import { type ProgramResult, run, start } from "../_support/programs.ts";

/** Two ends of a WireGuard tunnel, each in a network namespace of its own; they meet over UDP on loopback only. */
export interface WireGuard extends AsyncDisposable {
  /** Sends three echo requests through the tunnel. */
  ping(): Promise<ProgramResult>;
}

/**
 * Starts both ends in user space. Needs to be root.
 *
 * @param ports `near`: where the first end finds the second; `far`: where the second listens
 */
export async function startWireGuard({ near, far }: { near: number; far: number }): Promise<WireGuard> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const suffix = crypto.randomUUID().slice(0, 6);
  const [first, second] = [`wga${suffix}`, `wgb${suffix}`];
  const keys = { [first]: await makeKey(`${folder}/a`), [second]: await makeKey(`${folder}/b`) };
  for (const name of [first, second]) {
    stack.use(start(["wireguard-go", ["-f", name]], { env: { LOG_LEVEL: "error" } }));
    // Until it answers: it makes the interface before it takes commands.
    await retry(["wg", ["show", name]]);
  }
  const peer = (of: string, address: string) => ["peer", keys[of]!, "allowed-ips", `${address}/32`];
  await ok("wg", [
    "set",
    second,
    "private-key",
    `${folder}/b`,
    "listen-port",
    String(far),
    ...peer(first, "10.99.0.1"),
  ]);
  const endpoint = ["endpoint", `127.0.0.1:${near}`];
  await ok("wg", ["set", first, "private-key", `${folder}/a`, ...peer(second, "10.99.0.2"), ...endpoint]);
  for (const [name, address] of [[first, "10.99.0.1"], [second, "10.99.0.2"]] as const) {
    await ok("ip", ["netns", "add", name]);
    stack.defer(() => ok("ip", ["netns", "del", name]));
    // The socket of the tunnel stays where it was made.
    await ok("ip", ["link", "set", name, "netns", name]);
    await ok("ip", ["-n", name, "address", "add", `${address}/24`, "dev", name]);
    await ok("ip", ["-n", name, "link", "set", name, "mtu", "1000", "up"]);
  }
  const resources = stack.move();
  return {
    ping: () => run(["ip", ["netns", "exec", first, "ping", "-c", "3", "-i", "0.2", "-W", "5", "10.99.0.2"]]),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** @returns the public key of a new private one in `file` */
async function makeKey(file: string): Promise<string> {
  const key = new TextDecoder().decode((await run(["wg", ["genkey"]])).stdout);
  await Deno.writeTextFile(file, key, { mode: 0o600 });
  const { stdout } = await run(["wg", ["pubkey"]], { stdin: new TextEncoder().encode(key) });
  return new TextDecoder().decode(stdout).trim();
}

async function ok(command: string, args: string[]): Promise<void> {
  const { code, stderr } = await run([command, args]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

async function retry(call: [string, string[]]): Promise<void> {
  while ((await run(call)).code !== 0);
}
