import { parseAuthority } from "../base/authority.ts";
import { systemClock } from "../base/clock.ts";
import { ClientError } from "../client/client_error.ts";
import { connect } from "../client/connect.ts";
import { parseDestination } from "../client/destination.ts";
import { parseListenAddress } from "../client/listen_address.ts";
import { listenUdp } from "../client/udp_listener.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import type { ParsedArgs } from "./options.ts";
import { printError } from "./print_error.ts";
import { announce, destinationArgument, openWay, tunnelOptions } from "./tunnel_way.ts";

/** `sallyport udp` */
export const udpCommand: Command = {
  name: "udp",
  summary: "Reach a UDP service through a gateway",
  description:
    "Opens a local UDP port in front of the service of a UDP route. Each local address and port that sends " +
    "there gets a tunnel of its own, which is closed after two minutes without a packet. The first packet opens the " +
    "browser if you are not signed in yet.",
  positionals: [destinationArgument("udp")],
  options: [
    {
      name: "listen",
      value: "ADDRESS",
      description: "Where local programs send: host:port, or :port for all interfaces",
      default: "127.0.0.1:0",
    },
    ...tunnelOptions,
  ],
  examples: [
    "sallyport udp dns.example.com:53 --listen 127.0.0.1:5353",
    "sallyport udp udp+https://gateway.example.com/vpn.example.com:51820 --listen 127.0.0.1:51820",
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const destination = parseDestination(args.get("DESTINATION"), { gatewayUrl: args.find("gateway-url") });
  const target = parseAuthority(destination.authority);
  const at = parseListenAddress(args.get("listen"));
  if (at === "stdio") {
    throw new ClientError(
      "client/invalid-listen-address",
      "Packets cannot go over standard input and output",
      {
        hint: "name a UDP port, such as --listen 127.0.0.1:5353",
      },
    );
  }
  using interruption = io.interruption();
  const { signal } = interruption;
  using way = await openWay(destination, { kind: "udp", args, io, signal });
  const listener = await listenUdp(at, {
    open: (peer) =>
      connect((carrier, request) => carrier.openUdp(target, request), {
        ...way,
        signal: AbortSignal.any([signal, peer]),
      }),
    onEnd: async (tunnel) => {
      const why = await way.whyEnded(tunnel);
      if (why !== null) io.stderr(`tunnel to ${destination.authority} closed: ${why}\n`);
    },
    onError: (error) => printError(error, io),
    clock: systemClock,
    signal,
  });
  announce(at, { address: listener.address, io });
  await listener.finished;
  return EXIT.ok;
}
