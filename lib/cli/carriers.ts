import { join } from "node:path";
import { CARRIER_NAMES, type CarrierName } from "../client/carrier.ts";
import { carrierMemory } from "../client/carrier_memory.ts";
import { carriersOf, connectCarrier } from "../client/connect.ts";
import type { GatewayAddress } from "../client/gateway_address.ts";
import { GatewayCarriers } from "../client/gateway_carriers.ts";
import type { GatewayTrust } from "../client/gateway_trust.ts";
import { tokenCacheDirectory } from "../client/token_cache.ts";
import type { CliIo } from "./command.ts";
import type { OptionSpec, ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** How the gateway is spoken to. */
export const carrierOptions: readonly OptionSpec[] = [
  {
    name: "carrier",
    value: "NAME",
    description:
      "Only this version of HTTP: h3, h2 or h1. Without it they are tried in this order, and the one that works is remembered for an hour",
    env: "SALLYPORT_CARRIER",
  },
];

/**
 * The ways to a gateway that {@link carrierOptions} leave open.
 *
 * @returns the caller disposes it
 * @throws {UsageError} `cli/invalid-value`
 */
export function openCarriers(
  gateway: GatewayAddress,
  { kind, args, io, trust }: { kind: "tcp" | "udp"; args: ParsedArgs; io: CliIo; trust: GatewayTrust },
): GatewayCarriers {
  const directory = tokenCacheDirectory((name) => io.env(name), io.os);
  const file = directory === null ? null : join(directory, "carriers.json");
  return new GatewayCarriers({
    kind,
    gateway,
    forced: readCarrier(args),
    order: carriersOf(gateway),
    connect: (name, signal) => connectCarrier(name, { gateway, trust, signal }),
    memory: carrierMemory({
      read: () => file === null ? Promise.resolve(null) : io.readTextFile(file),
      write: (text) => file === null ? Promise.resolve() : io.replaceTextFile(file, text),
      addresses: () => io.networkAddresses(),
    }),
    now: () => io.now(),
  });
}

/** The value of `--carrier`, or `null`. @throws {UsageError} `cli/invalid-value` */
export function readCarrier(args: ParsedArgs): CarrierName | null {
  const text = args.find("carrier");
  if (text === undefined) return null;
  const name = CARRIER_NAMES.find((one) => one === text);
  if (name !== undefined) return name;
  throw new UsageError("cli/invalid-value", `--carrier ${text} is none of ${CARRIER_NAMES.join(", ")}`);
}
