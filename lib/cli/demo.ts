import type { Gateway } from "../gateway/start_gateway.ts";
import { randomPassword } from "../identity/password.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { startDemoServices } from "./demo_services.ts";
import { CONFIG_OPTION, readConfig, STATE_OPTION } from "./gateway_files.ts";
import { serveUntilStopped } from "./serve.ts";

/** The user of the demo; the routes that ship let this e-mail address in. */
const DEMO_USER = {
  name: "demo",
  email: "demo@example.com",
  displayName: "Demo User",
  groups: ["engineering"],
};

/** `sallyport demo` */
export const demoCommand: Command = {
  name: "demo",
  summary: "Run the gateway with services and a user to try it with",
  options: [CONFIG_OPTION, STATE_OPTION],
  positionals: [],
  async run(args, io) {
    const read = await readConfig(args, io);
    if (read === null) return EXIT.failure;
    await using _services = startDemoServices();
    return await serveUntilStopped(args, io, {
      ...read,
      onStarted: async (gateway) =>
        io.stderr(
          introduction(gateway, {
            password: await ensureDemoUser(gateway, io),
            task: `${io.denoCommand} task`,
          }),
        ),
    });
  },
};

/** @returns what to say about the password */
async function ensureDemoUser(gateway: Gateway, io: CliIo): Promise<string> {
  const known = (await gateway.users.list()).some(({ name }) => name === DEMO_USER.name);
  if (known) {
    return `the one printed at the first start; a new one: ${io.denoCommand} task sallyport users passwd demo`;
  }
  const password = randomPassword(io.random);
  await gateway.users.add({ ...DEMO_USER, password });
  return `${password}   (printed only now)`;
}

function sshHint({ sshAddress }: Gateway): string {
  if (sshAddress === null) return "";
  return `
  Sign in with a key of yours (it says where to go with the browser):
    ssh -p ${sshAddress.port} ${DEMO_USER.name}@localhost whoami
`;
}

function introduction(gateway: Gateway, { password, task }: { password: string; task: string }): string {
  const { url, authorityFile } = gateway;
  const trust = authorityFile === null ? "" : ` --alternate-ca-path ${authorityFile}`;
  const curlTrust = authorityFile === null ? "" : ` --proxy-cacert ${authorityFile}`;
  return `
  user      ${DEMO_USER.name}
  password  ${password}

  Look, in a browser:
    ${url}/.pomerium/
    https://web.localhost:${gateway.address.port}/

  Open a tunnel to the TCP echo, in another terminal (it signs you in with the browser first):
    ${task} sallyport tcp echo.localhost:7 --gateway-url ${url}${trust} --listen 127.0.0.1:7007
  and talk to it:
    nc 127.0.0.1 7007

  The same for the UDP echo, where nc is given -u:
    ${task} sallyport udp echo.localhost:7 --gateway-url ${url}${trust} --listen 127.0.0.1:7007
${sshHint(gateway)}
  Fetch the web page with curl, through the gateway:
    TOKEN=$(${task} -q sallyport token ${url}${trust})
    curl --proxytunnel --proxy ${url}${curlTrust} \\
      --proxy-header "Authorization: Pomerium $TOKEN" http://web.localhost/

  Ctrl-C stops it.

`;
}
