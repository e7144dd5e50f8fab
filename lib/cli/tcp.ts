import type { ByteStream } from "../base/byte_stream.ts";
import { carryTunnel } from "../client/carry_tunnel.ts";
import { connect } from "../client/connect.ts";
import { parseDestination } from "../client/destination.ts";
import { type ListenAddress, parseListenAddress } from "../client/listen_address.ts";
import { listenLocally } from "../client/local_listener.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import type { ParsedArgs } from "./options.ts";
import { printError } from "./print_error.ts";
import { announce, destinationArgument, openWay, tunnelOptions, type WayOptions } from "./tunnel_way.ts";

/** `sallyport tcp` */
export const tcpCommand: Command = {
  name: "tcp",
  summary: "Reach a TCP service through a gateway",
  description: "Opens a local port, or joins standard input and output, with the service of a TCP route. " +
    "The first connection opens the browser if you are not signed in yet.",
  positionals: [destinationArgument("tcp")],
  options: [
    {
      name: "listen",
      value: "ADDRESS",
      description:
        "Where local programs connect: host:port, :port for all interfaces, or - for standard input and output",
      default: "127.0.0.1:0",
    },
    ...tunnelOptions,
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
  using way = await openWay(destination, { kind: "tcp", args, io, signal });
  try {
    if (at === "stdio") return await carry(io.stdio(), { ...way, endWithTunnel: true });
    await listen(at, { carry: (local) => carry(local, way), io, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return EXIT.ok;
}

/** Opens a tunnel for one local stream and carries it until it ends. @returns the exit code that this comes to */
async function carry(local: ByteStream, way: WayOptions & { endWithTunnel?: boolean }): Promise<number> {
  const { authority, io, signal, whyEnded } = way;
  const tunnel = await connect((carrier, request) => carrier.openTcp(authority, request), way);
  const { endWithTunnel = false } = way;
  const why = await carryTunnel(local, tunnel, { endWithTunnel, signal, now: () => io.now(), whyEnded });
  if (why === null) return EXIT.ok;
  io.stderr(`tunnel to ${authority} closed: ${why}\n`);
  return EXIT.failure;
}

async function listen(
  at: Exclude<ListenAddress, "stdio">,
  { carry, io, signal }: { carry: (local: ByteStream) => Promise<unknown>; io: CliIo; signal: AbortSignal },
): Promise<void> {
  const listener = listenLocally(at, {
    carry: async (local) => void await carry(local),
    onError: (error) => printError(error, io),
    signal,
  });
  announce(at, { address: listener.address, io });
  await listener.finished;
}
