import { type Authority, AuthorityError, parseAuthority } from "../base/authority.ts";
import { systemClock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { ClientError } from "../client/client_error.ts";
import { parseDestination } from "../client/destination.ts";
import { type GatewayAddress, gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { publish, type PublishOptions } from "../client/publish.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openTokens } from "./gateway_access.ts";
import { browserOptions, readTrust, serviceAccountOptions, trustOptions } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";
import { printError } from "./print_error.ts";
import { gatewayUrlOption } from "./tunnel_way.ts";
import { UsageError } from "./usage_error.ts";
import { USER_AGENT } from "./version.ts";

const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;

/** `sallyport publish` */
export const publishCommand: Command = {
  name: "publish",
  summary: "Publish a service on a route of a gateway",
  description:
    "Makes this machine the one that a route leads to, as far as its upstream_tunnel lets you: whoever " +
    "may use the route reaches the service at HOST:PORT through this program. TCP, HTTP, SSH and UDP alike. Goes on " +
    "until it is interrupted, and connects again when the gateway was gone.",
  positionals: [{
    name: "ROUTE",
    description: "The route: its name, or what it answers to, such as https://app.example.com",
  }],
  options: [
    {
      name: "to",
      value: "HOST:PORT",
      description:
        "Where the service is, as seen from this machine. Several: connections go to one after the other",
      repeatable: true,
    },
    { ...gatewayUrlOption, description: "The gateway, when the route is not a URL whose host leads to it" },
    ...trustOptions,
    ...browserOptions,
    ...serviceAccountOptions,
  ],
  examples: [
    "sallyport publish https://app.example.com --to localhost:8080",
    "sallyport publish vpn --to 127.0.0.1:51820 --gateway-url https://gateway.example.com",
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const route = args.get("ROUTE");
  const to = args.all("to").map(readTarget);
  if (to.length === 0) {
    const hint = "add --to HOST:PORT, such as --to localhost:8080";
    throw new UsageError("cli/missing-argument", "Nothing says where the service is", hint);
  }
  const gateway = gatewayOf(route, args.find("gateway-url"));
  using interruption = io.interruption();
  const { signal } = interruption;
  const trust = await readTrust(gateway, { args, io });
  const tokens = await openTokens(gateway, { args, io, trust, signal });
  const options = { route, to, gateway, trust, tokens, userAgent: USER_AGENT, clock: systemClock, signal };
  return await publishForEver({ ...options, onError: (error) => printError(error, io) }, io);
}

/** @returns once it was interrupted @throws what the first attempt failed with */
async function publishForEver(options: Omit<PublishOptions, "onPublished">, io: CliIo): Promise<number> {
  const { signal, route, gateway } = options;
  let hasWorked = false;
  let waitMs = FIRST_WAIT_MS;
  const onPublished = () => {
    hasWorked = true;
    waitMs = FIRST_WAIT_MS;
    io.stderr(`${route} is published on ${gatewayOrigin(gateway)}\n`);
  };
  for (;;) {
    try {
      await publish({ ...options, onPublished });
    } catch (error) {
      if (signal.aborted) return EXIT.ok;
      if (!hasWorked) throw error;
      io.stderr(`${errorMessage(error)}; next attempt in ${waitMs / 1000} s\n`);
    }
    await pause(waitMs, signal);
    if (signal.aborted) return EXIT.ok;
    waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

function readTarget(text: string): Authority {
  try {
    return parseAuthority(text);
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error;
    throw new UsageError("cli/invalid-value", `--to ${text}: ${error.message}`);
  }
}

function gatewayOf(route: string, url: string | undefined): GatewayAddress {
  if (url !== undefined) return parseGatewayUrl(url);
  if (/^https?:\/\//i.test(route)) return parseGatewayUrl(route);
  if (/^(?:tcp|udp)\+https?:\/\//i.test(route)) return parseDestination(route).gateway;
  throw new ClientError("client/invalid-gateway-url", "Nothing says where the gateway is", {
    hint: "add --gateway-url https://gateway.example.com",
  });
}
