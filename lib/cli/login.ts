import { gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { printable } from "../client/printable.ts";
import { fetchUser } from "../client/session.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { askPerson, openCache } from "./gateway_access.ts";
import { browserOptions, gatewayUrlArgument, readTrust, trustOptions } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";

/** `sallyport login` */
export const loginCommand: Command = {
  name: "login",
  summary: "Sign in to a gateway with the browser",
  positionals: [gatewayUrlArgument],
  options: [...trustOptions, ...browserOptions],
  examples: ["sallyport login https://gateway.example.com"],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const gateway = parseGatewayUrl(args.get("GATEWAY-URL"));
  using interruption = io.interruption();
  const { signal } = interruption;
  const trust = await readTrust(gateway, { args, io });
  const cache = await openCache(io);
  const token = await askPerson(gateway, { args, io, trust, signal });
  await cache.save(gateway, token);
  const user = await fetchUser(gateway, { token, trust, signal });
  const who = user?.email ?? user?.sub;
  io.stdout(
    `signed in to ${gatewayOrigin(gateway)}${typeof who === "string" ? ` as ${printable(who)}` : ""}\n`,
  );
  return EXIT.ok;
}
