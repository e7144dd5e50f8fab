import type { Scene } from "../bench.ts";
import { findProgram, freePort, type Launcher } from "../children.ts";
import type { Way } from "../load_program.ts";
import type { Workspace } from "../workspace.ts";

const HELPER = "/usr/lib/squid/basic_ncsa_auth";
const USER = { name: "bench", password: "correct horse battery staple" };

/**
 * Starts squid in one process: CONNECT over TLS, no cache, no access log. The scene ends it.
 *
 * @param options `name`: of its files; `asks`: whether for a name and a password, which a helper checks against a file
 * @returns `null` when it is not installed
 */
export async function startSquid(
  { workspace, programs, missing, load }: Scene,
  { name, asks = false }: { name: string; asks?: boolean },
): Promise<Way | null> {
  const command = findProgram("squid");
  if (command === null || (asks && !exists(HELPER))) {
    missing("squid-openssl");
    return null;
  }
  const port = freePort();
  const access = asks ? await authentication({ workspace, programs }) : "http_access allow all";
  const configuration = await workspace.write(
    `squid-${name}.conf`,
    `https_port 127.0.0.1:${port} tls-cert=${workspace.certFile} tls-key=${workspace.keyFile}
${access}
cache deny all
access_log none
cache_log /dev/null
pid_filename none
netdb_filename none
pinger_enable off
visible_hostname localhost
max_filedescriptors 20000
shutdown_lifetime 0 seconds
`,
  );
  const child = programs.start({ command, args: ["-N", "-f", configuration], side: "tested" });
  await child.accepting(port, 10_000);
  const credentials = btoa(`${USER.name}:${USER.password}`);
  return {
    ...{ port, isTls: true, pids: [child.pid], authority: `127.0.0.1:${load.ports.tcp}` },
    ...asks ? { header: `Proxy-Authorization: Basic ${credentials}` } : {},
  };
}

async function authentication(
  { workspace, programs }: { workspace: Workspace; programs: Launcher },
): Promise<string> {
  const hash = await programs.output("openssl", ["passwd", "-apr1", USER.password]);
  const file = await workspace.write("squid-passwords", `${USER.name}:${hash.trim()}\n`);
  // squid gives up being root, its helper with it.
  await Deno.chmod(workspace.file(""), 0o711);
  await Deno.chmod(file, 0o644);
  return `auth_param basic program ${HELPER} ${file}
auth_param basic children 2 startup=2
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all`;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
