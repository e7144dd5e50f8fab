import { errorMessage } from "../base/errors.ts";
import type { GatewayAddress } from "../client/gateway_address.ts";
import { type GatewayTrust, parseBase64CaCerts, parseCaCerts } from "../client/gateway_trust.ts";
import { isLoopback } from "../client/listen_address.ts";
import { clientCertificateOptions, readClientCertificate } from "./client_certificate.ts";
import type { CliIo } from "./command.ts";
import type { OptionSpec, ParsedArgs, PositionalSpec } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** Which gateways are believed, and what is shown to them. */
export const trustOptions: readonly OptionSpec[] = [
  {
    name: "alternate-ca-path",
    value: "FILE",
    description: "PEM file of certificate authorities to trust beside those that are trusted anyway",
  },
  { name: "ca-cert", value: "BASE64", description: "The same, as base64 of the PEM text" },
  {
    name: "disable-tls-verification",
    description: "Believe any certificate. Unsafe: whoever is on the way can read and change everything",
  },
  ...clientCertificateOptions,
];

/** How a person signs in. */
export const browserOptions: readonly OptionSpec[] = [
  {
    name: "browser-cmd",
    value: "COMMAND",
    description: "The program that opens the sign-in page; it gets the URL as its last argument",
  },
  { name: "no-browser", description: "Only print the URL of the sign-in page" },
];

/** How a program signs in. */
export const serviceAccountOptions: readonly OptionSpec[] = [
  {
    name: "service-account",
    value: "TOKEN",
    description: "The token of a service account, used instead of signing in and not stored",
    env: "SALLYPORT_SERVICE_ACCOUNT",
  },
  { name: "service-account-file", value: "FILE", description: "The same, from a file" },
];

/** The gateway as an argument. */
export const gatewayUrlArgument: PositionalSpec = {
  name: "GATEWAY-URL",
  description: "The gateway, as https://host[:port]",
};

/**
 * The trust that {@link trustOptions} ask for. Warns loudly when nothing proves that the gateway is the right one.
 *
 * @throws {UsageError} `cli/unreadable-file`; {ClientError} `client/invalid-certificate`; and as
 *   {@link readClientCertificate}
 */
export async function readTrust(
  gateway: GatewayAddress,
  { args, io }: { args: ParsedArgs; io: CliIo },
): Promise<GatewayTrust> {
  const caCerts: string[] = [];
  const path = args.find("alternate-ca-path");
  if (path !== undefined) caCerts.push(...parseCaCerts(await readFile(path, io), path));
  const base64 = args.find("ca-cert");
  if (base64 !== undefined) caCerts.push(...parseBase64CaCerts(base64, "the value of --ca-cert"));
  const verify = !args.has("disable-tls-verification");
  if (gateway.tls && !verify) io.stderr(`warning: --disable-tls-verification: ${UNPROTECTED}`);
  if (!gateway.tls && !isLoopback(gateway.host)) io.stderr(`warning: the gateway has no TLS: ${UNPROTECTED}`);
  return { caCerts, verify, clientCertificate: await readClientCertificate(gateway, { args, io }) };
}

const UNPROTECTED = "nothing proves that this is your gateway; " +
  "whoever is on the way can read your token and everything you send\n";

/**
 * The token that {@link serviceAccountOptions} give, or `null`.
 *
 * @throws {UsageError} `cli/conflicting-options`, `cli/unreadable-file`
 */
export async function readServiceAccount(args: ParsedArgs, io: CliIo): Promise<string | null> {
  const path = args.find("service-account-file");
  const token = args.find("service-account");
  if (path === undefined) return token ?? null;
  if (token !== undefined) {
    throw new UsageError(
      "cli/conflicting-options",
      "Both --service-account (or SALLYPORT_SERVICE_ACCOUNT) and --service-account-file are given",
    );
  }
  return await readFile(path, io);
}

async function readFile(path: string, io: CliIo): Promise<string> {
  try {
    return await io.readTextFile(path);
  } catch (cause) {
    throw new UsageError("cli/unreadable-file", `Cannot read ${path}: ${errorMessage(cause)}`);
  }
}
