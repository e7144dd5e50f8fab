import { FormBrowser } from "../../tests/_support/form_browser.ts";
import { freePort, startDeno, within } from "./children.ts";
import type { Peer, PeerOptions } from "./peers.ts";

/** Who signs in in a benchmark. */
export const BENCH_USER = { name: "bench", password: "correct horse battery staple" };
const PUBLIC_PORT = 1;
const PRIVATE_PORT = 2;

/** Starts the gateway with a route for a signed-in user and one for everybody, and signs in. */
export async function startSallyport(options: PeerOptions): Promise<Peer[]> {
  const { workspace, stack } = options;
  const port = freePort();
  const files = ["-c", await writeRoutes(options, port), "--state-dir", workspace.file("state")];
  await addBenchUser(files);
  const gateway = stack.use(startDeno("mod.ts", { args: ["serve", ...files] }));
  await gateway.accepting(port, 20_000);
  const { pid } = gateway;
  const path = { port, caPem: workspace.caPem };
  const token = await within(10_000, signIn(`https://localhost:${port}`, workspace.caPem), "no sign-in");
  const authority = (port: number) => `bench.localhost:${port}`;
  return [
    { name: "sallyport", path: { ...path, connect: { authority: authority(PRIVATE_PORT), token } }, pid },
    {
      name: "sallyport, no session",
      path: { ...path, connect: { authority: authority(PUBLIC_PORT), token: null } },
      pid,
      openingOnly: true,
    },
  ];
}

function writeRoutes({ workspace, servicePort }: PeerOptions, port: number): Promise<string> {
  return workspace.write(
    "routes.yaml",
    `address: 127.0.0.1:${port}
certificates:
  - cert: ${workspace.certFile}
    key: ${workspace.keyFile}
routes:
  - from: tcp+https://bench.localhost:${PUBLIC_PORT}
    to: tcp://127.0.0.1:${servicePort}
    allow_public_unauthenticated_access: true
  - from: tcp+https://bench.localhost:${PRIVATE_PORT}
    to: tcp://127.0.0.1:${servicePort}
    policy:
      - allow:
          and:
            - email: { is: bench@example.com }
            - groups: { has: engineering }
`,
  );
}

/** Adds that user to a gateway. @param files options that name its configuration and state */
export async function addBenchUser(files: readonly string[]): Promise<void> {
  const facts = ["--email", "bench@example.com", "--groups", "engineering", "--password-stdin"];
  const main = new URL("../../mod.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, "users", "add", BENCH_USER.name, ...facts, ...files],
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
    signal: AbortSignal.timeout(20_000),
  }).spawn();
  await new Blob([`${BENCH_USER.password}\n`]).stream().pipeTo(process.stdin);
  if (!(await process.status).success) throw new Error("The user of the benchmark was not added");
}

/** Signs in as a program does that waits on a loopback port. @returns the token */
async function signIn(origin: string, caPem: string): Promise<string> {
  using browser = new FormBrowser({ caPem });
  const { promise, resolve } = Promise.withResolvers<string | null>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    resolve(new URL(request.url).searchParams.get("pomerium_jwt"));
    return new Response("signed in");
  });
  const back = encodeURIComponent(`http://127.0.0.1:${server.addr.port}/`);
  const { text } = await browser.open(`${origin}/.pomerium/api/v1/login?pomerium_redirect_uri=${back}`);
  const { response } = await browser.signIn(text, BENCH_USER);
  const token = response.ok ? await promise : null;
  if (token === null) throw new Error(`The sign-in of the benchmark was answered with ${response.status}`);
  return token;
}
