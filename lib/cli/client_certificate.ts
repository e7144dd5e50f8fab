import { errorMessage } from "../base/errors.ts";
import { CodecError } from "../codec/codec_error.ts";
import { type NameFilter, parseNameFilter } from "../codec/name_filter.ts";
import type { Candidate } from "../client/client_certificates/candidate.ts";
import { chooseCandidate, namedCandidate, storeCandidates } from "../client/client_certificates/choose.ts";
import { takenOf } from "../client/client_certificates/select.ts";
import { ClientError } from "../client/client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "../client/gateway_address.ts";
import type { ClientCertificate } from "../client/gateway_trust.ts";
import type { CliIo } from "./command.ts";
import type { OptionSpec, ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The certificate in a file. */
const FILE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "client-cert",
    value: "FILE",
    description: "A certificate to show to the gateway, with its intermediates: PEM, or PKCS#12 (.p12)",
  },
  {
    name: "client-key",
    value: "FILE",
    description: "Its key, in PEM; not needed when it is in the same file",
  },
];

/** Which certificate of the stores. */
export const certificateFilterOptions: readonly OptionSpec[] = [
  {
    name: "client-cert-password-file",
    value: "FILE",
    description:
      "The password of the key, of the .p12 file, or of the NSS database (default: ask on the terminal)",
  },
  {
    name: "client-cert-issuer",
    value: "ATTR=VALUE",
    description: "Take only a certificate whose issuer has this name, such as O=Example",
  },
  {
    name: "client-cert-subject",
    value: "ATTR=VALUE",
    description: "Take only a certificate whose subject has this name, such as CN=ann",
  },
];

/** Which certificate is shown to a gateway that asks for one. */
export const clientCertificateOptions: readonly OptionSpec[] = [
  ...FILE_OPTIONS,
  {
    name: "client-cert-from-store",
    description:
      "Take the first certificate that fits from ~/.config/sallyport/certs, the NSS database, or the system",
  },
  ...certificateFilterOptions,
];

/** What {@link certificateFilterOptions} ask for. */
export interface CertificateFilters {
  /** Of the issuer. */
  readonly issuer: NameFilter;
  /** Of the subject. */
  readonly subject: NameFilter;
}

/**
 * The certificate that {@link clientCertificateOptions} name, or `null`. With `--client-cert-from-store` the gateway is asked
 * first which authorities it accepts, unless the options are wrong.
 *
 * @throws {UsageError} `cli/conflicting-options`, `cli/invalid-value`, `cli/unreadable-file`; {ClientError}
 *   `client/no-client-certificate`, `client/invalid-certificate`, and the codes of {@link chooseCandidate}; {PkiError}
 */
export async function readClientCertificate(
  gateway: GatewayAddress,
  context: { args: ParsedArgs; io: CliIo },
): Promise<ClientCertificate | null> {
  const { args, io } = context;
  const filters = readFilters(args);
  requireConsistent(args);
  if (!args.has("client-cert") && !args.has("client-cert-from-store")) return null;
  const password = await readPassword(args, io);
  if (args.has("client-cert")) return await namedCertificate({ ...context, password });
  const candidates = await storeCandidates({ env: (name) => io.env(name), os: io.os, password });
  return await storedCertificate(candidates, { gateway, filters, io });
}

/** Reads {@link certificateFilterOptions}. @throws {UsageError} `cli/invalid-value` */
export function readFilters(args: ParsedArgs): CertificateFilters {
  const filterOf = (name: string) => {
    try {
      return parseNameFilter(args.find(name) ?? "");
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      throw new UsageError("cli/invalid-value", `--${name}: ${error.message}`, "as in O=Example");
    }
  };
  return { issuer: filterOf("client-cert-issuer"), subject: filterOf("client-cert-subject") };
}

/** The text of `--client-cert-password-file` without its last line break; `null` when it is not given. @throws {UsageError} */
export async function readPassword(args: ParsedArgs, io: CliIo): Promise<string | null> {
  const path = args.find("client-cert-password-file");
  if (path === undefined) return null;
  try {
    return (await io.readTextFile(path)).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new UsageError("cli/unreadable-file", `Cannot read ${path}: ${errorMessage(cause)}`);
  }
}

function requireConsistent(args: ParsedArgs): void {
  const conflict = (message: string, hint?: string) =>
    new UsageError("cli/conflicting-options", message, hint);
  const isFromStore = args.has("client-cert-from-store");
  if (isFromStore && args.has("client-cert")) {
    throw conflict("Both --client-cert and --client-cert-from-store are given");
  }
  if (args.has("client-key") && !args.has("client-cert")) {
    throw conflict("--client-key is given without --client-cert");
  }
  for (const name of ["client-cert-issuer", "client-cert-subject"]) {
    if (args.has(name) && !isFromStore) {
      throw conflict(`--${name} is given without --client-cert-from-store`, "add --client-cert-from-store");
    }
  }
}

async function namedCertificate(
  { args, io, password }: { args: ParsedArgs; io: CliIo; password: string | null },
): Promise<ClientCertificate> {
  const candidate = await namedCandidate({
    certPath: args.get("client-cert"),
    keyPath: args.find("client-key"),
    password,
    askPassword: (path) => io.askPassword(`Password of ${path}: `),
  });
  if ("fault" in candidate) {
    const { fault, source } = candidate;
    throw new ClientError("client/invalid-certificate", `Cannot use ${source}: ${fault.message}`, {
      cause: fault,
      hint: fault.hint,
    });
  }
  if (candidate.chain[0].notAfter < io.now()) {
    io.stderr(`warning: the certificate ${candidate.certificate.name} has expired\n`);
  }
  return candidate.certificate;
}

async function storedCertificate(
  candidates: readonly Candidate[],
  { gateway, filters, io }: { gateway: GatewayAddress; filters: CertificateFilters; io: CliIo },
): Promise<ClientCertificate | null> {
  const { advertised, verdicts } = await chooseCandidate(candidates, {
    gateway,
    rules: { ...filters, now: io.now() },
    signal: AbortSignal.timeout(10_000),
  });
  const taken = takenOf(verdicts);
  if (taken !== null) return taken.certificate;
  if (advertised?.isAsked === false) return null;
  const origin = gatewayOrigin(gateway);
  throw new ClientError(
    "client/no-client-certificate",
    `None of the ${verdicts.length} certificates on this machine is one to show to ${origin}`,
    { hint: `sallyport certs explain ${origin} says why` },
  );
}
