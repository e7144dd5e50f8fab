import type { Scene } from "../bench.ts";
import { findProgram, freePort } from "../children.ts";
import type { Way } from "../load_program.ts";

/**
 * Starts HAProxy with one thread: TLS in, TCP out. The scene ends it.
 *
 * @param options `name`: of its files; `to`: port of the service; `verifies`: whether it requires a client certificate
 * @returns `null` when it is not installed
 */
export async function startHaproxy(
  { workspace, programs, missing }: Scene,
  { name, to, verifies = false }: { name: string; to: number; verifies?: boolean },
): Promise<Way | null> {
  const command = findProgram("haproxy");
  if (command === null) {
    missing("haproxy");
    return null;
  }
  const port = freePort();
  const asks = verifies ? ` ca-file ${workspace.caFile} verify required` : "";
  const configuration = await workspace.write(
    `haproxy-${name}.cfg`,
    `global
  nbthread 1
  maxconn 9950
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen tunnels
  bind 127.0.0.1:${port} ssl crt ${workspace.pairFile}${asks}
  server service 127.0.0.1:${to}
`,
  );
  const child = programs.start({ command, args: ["-db", "-f", configuration], side: "tested" });
  await child.accepting(port, 10_000);
  return { port, isTls: true, pids: [child.pid] };
}
