import { freePort } from "./free_port.ts";
import { SshUser } from "./ssh.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { startTestGateway, type TestGateway } from "./test_gateway.ts";

/** A gateway with the route `ssh://box` to an OpenSSH server, and somebody who is signed in. */
export interface SshRoute extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly sshd: Sshd;
  /** With the key `id` of `ada@example.com`. */
  readonly user: SshUser;
  /** What `ssh` calls the server. */
  readonly box: string;
}

/** A login name that the server has. */
export const LOGIN = Deno.env.get("USER") ?? "root";

/** Only Ada. */
export const ADA = "[{ allow: { and: [{ email: { is: ada@example.com } }] } }]";

/**
 * Starts it.
 *
 * @param options `global`, `route`: more lines of the configuration; `routes`: more routes; the others as for `startSshd`
 */
export async function startSshRoute(options: {
  global?: string;
  route?: readonly string[] | ((sshd: { port: number }) => readonly string[]);
  routes?: string;
  /** File of the public key of the authority; default: that of the gateway. */
  authority?: string;
  settings?: readonly string[];
  hostKeyType?: string;
} = {}): Promise<SshRoute> {
  const { global = "", route = [], routes = "", ...server } = options;
  const port = freePort();
  const lines = typeof route === "function" ? route({ port }) : route;
  await using starting = new AsyncDisposableStack();
  const gateway = starting.use(
    await startTestGateway(`
ssh_address: 127.0.0.1:0
runtime_flags: { ssh_allow_direct_tcpip: true, ssh_routes_portal: true }
${global}
routes:
  - from: ssh://box
    to: ssh://127.0.0.1:${port}
    policy: ${ADA}
${lines.map((line) => `    ${line}\n`).join("")}${routes}`),
  );
  await gateway.addUser("ada", { email: "ada@example.com" });
  const authority = options.authority ?? `${gateway.folder}/state/ssh_user_ca_key.pub`;
  const sshd = starting.use(await startSshd(authority, { ...server, port }));
  const user = starting.use(await SshUser.create(gateway));
  await user.signIn(gateway, { name: "ada" });
  const resources = starting.move();
  return {
    gateway,
    sshd,
    user,
    box: `${LOGIN}@box@127.0.0.1`,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
