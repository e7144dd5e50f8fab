import type { ByteStream } from "../base/byte_stream.ts";
import { carryTunnel } from "../client/carry_tunnel.ts";
import { connect } from "../client/connect.ts";
import { type Destination, parseDestination } from "../client/destination.ts";
import { isLoopback, type ListenAddress, parseListenAddress } from "../client/listen_address.ts";
import { listenLocally } from "../client/local_listener.ts";
import { askWhyEnded } from "../client/tunnel_end.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openTokens } from "./gateway_access.ts";
import { browserOptions, readTrust, serviceAccountOptions, trustOptions } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";
import { printError } from "./print_error.ts";
import { USER_AGENT } from "./version.ts";

/** `sallyport tcp` */
export const tcpCommand: Command = {
  name: "tcp",
  summary: "Reach a TCP service through a gateway",
  description: "Opens a local port, or joins standard input and output, with the service of a TCP route. " +
    "The first connection opens the browser if you are not signed in yet.",
  positionals: [{
    name: "DESTINATION",
    description: "The route, as host:port or tcp+https://host:port; or, through a gateway of another name, " +
      "tcp+https://gateway[:port]/host:port",
  }],
  options: [
    {
      name: "listen",
      value: "ADDRESS",
      description:
        "Where local programs connect: host:port, :port for all interfaces, or - for standard input and output",
      default: "127.0.0.1:0",
    },
    {
      name: "gateway-url",
      aliases: ["pomerium-url"],
      value: "URL",
      description: "The gateway, when the host of the destination does not lead to it",
      env: "SALLYPORT_GATEWAY_URL",
    },
    ...trustOptions,
    ...browserOptions,
    ...serviceAccountOptions,
  ],
  examples: [
    "sallyport tcp redis.example.com:6379 --listen 127.0.0.1:6379",
    "ssh -o ProxyCommand='sallyport tcp --listen - %h:%p' ssh.example.com",
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const destination = parseDestination(args.get("DESTINATION"), { gatewayUrl: args.find("gateway-url") });
  const at = parseListenAddress(args.get("listen"));
  using interruption = io.interruption();
  const { signal } = interruption;
  const carry = await tunnelCarrier(destination, { args, io, signal });
  try {
    if (at === "stdio") return await carry(io.stdio(), { endWithTunnel: true });
    await listen(at, { carry, io, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return EXIT.ok;
}

/** Opens a tunnel for one local stream and carries it until it ends. @returns the exit code that this comes to */
type Carry = (local: ByteStream, options?: { endWithTunnel: boolean }) => Promise<number>;

async function tunnelCarrier(
  destination: Destination,
  context: { args: ParsedArgs; io: CliIo; signal: AbortSignal },
): Promise<Carry> {
  const { io, signal } = context;
  const { authority, gateway } = destination;
  const trust = await readTrust(gateway, context);
  const tokens = await openTokens(gateway, { ...context, trust });
  return async (local, options = { endWithTunnel: false }) => {
    const tunnel = await connect(destination, { tokens, trust, userAgent: USER_AGENT, signal });
    const why = await carryTunnel(local, tunnel, {
      ...options,
      signal,
      now: () => io.now(),
      whyEnded: ({ requestId, token }) => askWhyEnded(gateway, { requestId, token, trust, signal }),
    });
    if (why === null) return EXIT.ok;
    io.stderr(`tunnel to ${authority} closed: ${why}\n`);
    return EXIT.failure;
  };
}

async function listen(
  at: Exclude<ListenAddress, "stdio">,
  { carry, io, signal }: { carry: Carry; io: CliIo; signal: AbortSignal },
): Promise<void> {
  const listener = listenLocally(at, {
    carry: async (local) => void await carry(local),
    onError: (error) => printError(error, io),
    signal,
  });
  if (!isLoopback(at.hostname)) {
    io.stderr(
      "warning: whoever can reach this port uses the service in your name; " +
        "to listen for this machine only, use --listen 127.0.0.1:PORT\n",
    );
  }
  io.stderr(`listening on ${listener.address}\n`);
  await listener.finished;
}
