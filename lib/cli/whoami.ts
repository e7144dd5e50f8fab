import { ClientError } from "../client/client_error.ts";
import { type GatewayAddress, gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { printable } from "../client/printable.ts";
import { fetchUser } from "../client/session.ts";
import { asciiJson } from "./ascii_json.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openCache } from "./gateway_access.ts";
import {
  gatewayUrlArgument,
  readServiceAccount,
  readTrust,
  serviceAccountOptions,
  trustOptions,
} from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";

/** `sallyport whoami` */
export const whoamiCommand: Command = {
  name: "whoami",
  summary: "Show who you are to a gateway",
  positionals: [gatewayUrlArgument],
  options: [
    { name: "json", description: "Print the claims as JSON" },
    ...trustOptions,
    ...serviceAccountOptions,
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const gateway = parseGatewayUrl(args.get("GATEWAY-URL"));
  using interruption = io.interruption();
  const trust = await readTrust(gateway, { args, io });
  const token = (await readServiceAccount(args, io))?.trim() ??
    await (await openCache(io)).load(gateway, io.now());
  const claims = token === null
    ? null
    : await fetchUser(gateway, { token, trust, signal: interruption.signal });
  if (claims === null) throw notSignedIn(gateway);
  io.stdout(args.has("json") ? asciiJson(claims) : asLines(claims));
  return EXIT.ok;
}

function notSignedIn(gateway: GatewayAddress): ClientError {
  const origin = gatewayOrigin(gateway);
  return new ClientError("client/login-required", `You are not signed in to ${origin}`, {
    hint: `sallyport login ${origin}`,
  });
}

function asLines(claims: Record<string, unknown>): string {
  return Object.entries(claims).map(([name, value]) =>
    `${printable(name)}: ${printable(plain(value), 1000)}\n`
  ).join("");
}

function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return JSON.stringify(value);
}
