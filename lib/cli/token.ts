import { parseGatewayUrl } from "../client/gateway_address.ts";
import { fetchUser } from "../client/session.ts";
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

/** `sallyport token` */
export const tokenCommand: Command = {
  name: "token",
  aliases: ["auth"],
  summary: "Print a token for a gateway, signing in if need be",
  description:
    "Whoever has the token can act in your name until you sign out: keep it out of logs and files.",
  positionals: [gatewayUrlArgument],
  options: [...trustOptions, ...browserOptions, ...serviceAccountOptions],
  examples: [
    "curl --proxytunnel --proxy https://gateway.example.com --proxy-header " +
    '"Authorization: Pomerium $(sallyport token https://gateway.example.com)" http://wiki.example.com:8000/',
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const gateway = parseGatewayUrl(args.get("GATEWAY-URL"));
  using interruption = io.interruption();
  const { signal } = interruption;
  const trust = await readTrust(gateway, { args, io });
  const tokens = await openTokens(gateway, { args, io, trust, signal });
  const token = await tokens.current();
  const known = token !== null && await fetchUser(gateway, { token, trust, signal }) !== null;
  io.stdout(`${known ? token : await tokens.renew(token)}\n`);
  return EXIT.ok;
}
