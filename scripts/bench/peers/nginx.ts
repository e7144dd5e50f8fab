import type { Scene } from "../bench.ts";
import { type Child, findProgram } from "../children.ts";

/** Of Debian. */
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Whether it is installed, and can pass on streams. Tells the scene when not. */
export function hasNginx({ missing }: Scene, { stream = false }: { stream?: boolean } = {}): boolean {
  const hasModule = () => {
    try {
      return Deno.statSync(STREAM_MODULE).isFile;
    } catch {
      return false;
    }
  };
  if (findProgram("nginx") === null) missing("nginx");
  else if (stream && !hasModule()) missing("libnginx-mod-stream");
  else return true;
  return false;
}

/** What its TLS servers show. */
export function nginxPair({ workspace }: Scene): string {
  return `ssl_protocols TLSv1.3; ssl_certificate ${workspace.certFile}; ssl_certificate_key ${workspace.keyFile};`;
}

/**
 * Starts nginx as one process, without an access log. The scene ends it.
 *
 * @param options `name`: of its files; `port`: one that it listens on; `http`, `stream`: what stands in these blocks
 */
export async function startNginx(
  { workspace, programs }: Scene,
  options: { name: string; port: number; http?: string; stream?: string; side: "tested" | "load" },
): Promise<Child> {
  const { name, port, http, stream, side } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${workspace.file(`${name}-${kind}`)};`).join("\n  ");
  const configuration = await workspace.write(
    `nginx-${name}.conf`,
    `${stream === undefined ? "" : `load_module ${STREAM_MODULE};`}
daemon off;
master_process off;
pid ${workspace.file(`${name}.pid`)};
error_log stderr error;
worker_rlimit_nofile 20000;
events { worker_connections 20000; }
${stream === undefined ? "" : `stream { ${stream} }`}
${
      http === undefined ? "" : `http {
  access_log off;
  keepalive_requests 100000000;
  ${temporary}
  ${http}
}`
    }
`,
  );
  const child = programs.start({ command: "nginx", args: ["-e", "stderr", "-c", configuration], side });
  await child.accepting(port, 20_000);
  return child;
}
