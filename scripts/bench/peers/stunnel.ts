import type { Scene } from "../bench.ts";
import { findProgram, freePort } from "../children.ts";
import type { Way } from "../load_program.ts";

/**
 * Starts stunnel: TLS in, TCP out, a thread for each connection. The scene ends it.
 *
 * @returns `null` when it is not installed
 */
export async function startStunnel({ workspace, programs, missing, load }: Scene): Promise<Way | null> {
  const command = findProgram("stunnel4") ?? findProgram("stunnel");
  if (command === null) {
    missing("stunnel4");
    return null;
  }
  const port = freePort();
  const configuration = await workspace.write(
    "stunnel.conf",
    `foreground = quiet
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[tunnels]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${load.ports.tcp}
cert = ${workspace.certFile}
key = ${workspace.keyFile}
`,
  );
  const child = programs.start({ command, args: [configuration], side: "tested" });
  await child.accepting(port, 10_000);
  return { port, isTls: true, pids: [child.pid] };
}
