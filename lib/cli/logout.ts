import { gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { endSession } from "../client/session.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openCache } from "./gateway_access.ts";
import { gatewayUrlArgument, readTrust, trustOptions } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";

/** `sallyport logout` */
export const logoutCommand: Command = {
  name: "logout",
  summary: "Sign out of a gateway and forget its token",
  description: "The gateway ends the session, and with it every tunnel that was opened with the token. " +
    "The token is forgotten even if the gateway cannot be reached.",
  positionals: [gatewayUrlArgument],
  options: trustOptions,
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const gateway = parseGatewayUrl(args.get("GATEWAY-URL"));
  using interruption = io.interruption();
  const trust = await readTrust(gateway, { args, io });
  const cache = await openCache(io);
  const token = await cache.load(gateway, io.now());
  await cache.remove(gateway);
  if (token === null) {
    io.stdout(`not signed in to ${gatewayOrigin(gateway)}\n`);
    return EXIT.ok;
  }
  await endSession(gateway, { token, trust, signal: interruption.signal });
  io.stdout(`signed out of ${gatewayOrigin(gateway)}\n`);
  return EXIT.ok;
}
