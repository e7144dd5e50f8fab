import { freePort } from "./free_port.ts";
import { listening, run, type RunningProgram, start } from "./programs.ts";

/** An OpenSSH server on loopback, which takes the certificates of one authority. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly program: RunningProgram;
  /** Its host key, as in a `.pub` file without comment. */
  readonly hostKey: string;
}

/**
 * Starts one.
 *
 * @param authority file of the public key of the authority
 * @param options `settings`: more lines of `sshd_config`; `hostKeyType`: default `ed25519`; `port`: default any free one
 */
export async function startSshd(
  authority: string,
  options: { settings?: readonly string[]; hostKeyType?: string; port?: number } = {},
): Promise<Sshd> {
  const { settings = [], hostKeyType = "ed25519", port = freePort() } = options;
  const folder = await Deno.makeTempDir({ prefix: "sallyport-sshd-" });
  await run(["ssh-keygen", ["-q", "-t", hostKeyType, "-N", "", "-f", `${folder}/host_key`]]);
  const hostKey = (await Deno.readTextFile(`${folder}/host_key.pub`)).split(" ").slice(0, 2).join(" ");
  await Deno.writeTextFile(
    `${folder}/sshd_config`,
    // Of two lines about the same the first counts.
    [
      ...settings,
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${folder}/host_key`,
      `TrustedUserCAKeys ${authority}`,
      `PidFile ${folder}/sshd.pid`,
      "AuthorizedKeysFile none",
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "X11Forwarding yes",
      "X11UseLocalhost yes",
      "AcceptEnv LANG LC_* GREETING",
      "MaxStartups 100:30:200",
      "LogLevel VERBOSE",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true });
  const program = start(["/usr/sbin/sshd", ["-D", "-e", "-f", `${folder}/sshd_config`]]);
  await listening(port);
  return {
    port,
    folder,
    program,
    hostKey,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Whether there is an OpenSSH server to be tested against. */
export function hasSshd(): boolean {
  try {
    return Deno.statSync("/usr/sbin/sshd").isFile;
  } catch {
    if (Deno.env.get("REQUIRE_PEERS") === "1") throw new Error("REQUIRE_PEERS=1, and there is no sshd");
    return false;
  }
}
