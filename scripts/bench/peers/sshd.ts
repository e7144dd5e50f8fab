import { SshUser } from "../../../tests/_support/ssh.ts";
import { startSshd } from "../../../tests/_support/sshd.ts";
import type { Scene } from "../bench.ts";
import { findProgram, freePort } from "../children.ts";

/** The cipher of all SSH connections of a benchmark. */
export const SSH_CIPHER = "chacha20-poly1305@openssh.com";

/** OpenSSH's server, and somebody whose key it takes. */
export interface SshdPeer {
  readonly port: number;
  readonly pids: readonly number[];
  readonly user: SshUser;
  /** Name of the account. */
  readonly login: string;
}

/**
 * Starts it. The scene ends it.
 *
 * @param options `name`: when there are several; `authorityFile`: of the public key of an authority whose certificates it takes as well
 * @returns `null` when it is not installed
 */
export async function startSshdPeer(
  { workspace, programs, stack, missing }: Scene,
  { name = "ssh", authorityFile }: { name?: string; authorityFile?: string } = {},
): Promise<SshdPeer | null> {
  if (findProgram("sshd") === null || findProgram("ssh") === null) {
    missing("openssh-server, openssh-client");
    return null;
  }
  const folder = workspace.file(`${name}-user`);
  await Deno.mkdir(folder);
  const port = freePort();
  const user = stack.use(new SshUser(folder, port));
  await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", "id");
  const settings = [`AuthorizedKeysFile ${folder}/id.pub`, "MaxSessions 200"];
  const sshd = stack.use(await startSshd(authorityFile ?? `${folder}/id.pub`, { port, settings }));
  const { pid } = sshd.program.process;
  await programs.pin(pid, "tested");
  return { port, user, pids: [pid], login: Deno.env.get("USER") ?? "root" };
}

/** Arguments of `ssh` with the key of the user, for a server on `port`. */
export function sshArgs(user: SshUser, { port, args }: { port: number; args: readonly string[] }): string[] {
  // The port is the last of the options.
  return [...user.options().slice(0, -2), "-p", String(port), "-c", SSH_CIPHER, ...args];
}
