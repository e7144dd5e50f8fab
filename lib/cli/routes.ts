import { ClientError } from "../client/client_error.ts";
import { type GatewayAddress, gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { printable } from "../client/printable.ts";
import { fetchRoutes, type ListedRoute } from "../client/routes.ts";
import type { TokenSource } from "../client/token_source.ts";
import { asciiJson } from "./ascii_json.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openTokens } from "./gateway_access.ts";
import {
  browserOptions,
  gatewayUrlArgument,
  readTrust,
  serviceAccountOptions,
  trustOptions,
} from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";
import { formatTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

const URL_VARIABLE = "SALLYPORT_GATEWAY_URL";

/** `sallyport routes` */
export const routesCommand: Command = {
  name: "routes",
  summary: "List the routes of a gateway that are open to you",
  positionals: [{
    ...gatewayUrlArgument,
    description: `${gatewayUrlArgument.description}; default: what ${URL_VARIABLE} says`,
    optional: true,
  }],
  options: [
    { name: "json", description: "Print what the gateway answers, as JSON" },
    ...trustOptions,
    ...browserOptions,
    ...serviceAccountOptions,
  ],
  examples: ["sallyport routes https://gateway.example.com"],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const gateway = parseGatewayUrl(args.find("GATEWAY-URL") ?? urlOfEnvironment(io));
  using interruption = io.interruption();
  const { signal } = interruption;
  const trust = await readTrust(gateway, { args, io });
  const tokens = await openTokens(gateway, { args, io, trust, signal });
  const ask = (token: string) => fetchRoutes(gateway, { token, trust, signal });
  const { routes, answer } = await askSignedIn(ask, { tokens, gateway });
  io.stdout(args.has("json") ? asciiJson(answer) : asTable(routes));
  return EXIT.ok;
}

function urlOfEnvironment(io: CliIo): string {
  const url = io.env(URL_VARIABLE);
  if (url) return url;
  throw new UsageError("cli/missing-argument", "GATEWAY-URL is missing", `or set ${URL_VARIABLE}`);
}

/** Asks with the token at hand, and when it is not taken once more with another. */
async function askSignedIn<T>(
  ask: (token: string) => Promise<T | null>,
  { tokens, gateway }: { tokens: TokenSource; gateway: GatewayAddress },
): Promise<T> {
  const token = await tokens.current();
  const first = token === null ? null : await ask(token);
  const answer = first ?? await ask(await tokens.renew(token));
  if (answer !== null) return answer;
  const origin = gatewayOrigin(gateway);
  throw new ClientError("client/login-required", `The gateway ${origin} does not take its own token`, {
    hint: `sallyport login ${origin}`,
  });
}

function asTable(routes: readonly ListedRoute[]): string {
  if (routes.length === 0) return "no route is open to you\n";
  return formatTable([
    ["NAME", "TYPE", "FROM", "DESCRIPTION"],
    ...routes.map(({ name, type, from, description, isAvailable }) => [
      printable(name === from ? "-" : name, 60),
      printable(type, 10),
      printable(from, 1000),
      `${isAvailable ? "" : "(not available yet) "}${printable(description)}`,
    ]),
  ]);
}
