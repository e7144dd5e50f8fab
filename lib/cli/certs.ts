import { type Choice, chooseCandidate, storeCandidates } from "../client/client_certificates/choose.ts";
import type { Verdict } from "../client/client_certificates/select.ts";
import { parseDestination } from "../client/destination.ts";
import { type GatewayAddress, gatewayOrigin, parseGatewayUrl } from "../client/gateway_address.ts";
import { printable } from "../client/printable.ts";
import { formatName } from "../pki/distinguished_name.ts";
import { asciiJson } from "./ascii_json.ts";
import { certificateFilterOptions, readFilters, readPassword } from "./client_certificate.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import type { ParsedArgs } from "./options.ts";
import { formatTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

/** `sallyport certs` */
export const certsCommand: Command = {
  name: "certs",
  summary: "Show the certificates on this machine, and which one a gateway would be shown",
  description:
    "Looks where --client-cert-from-store looks. `explain` asks the gateway, if one is named, which " +
    "authorities it accepts, and says of each certificate why it would be taken or not.",
  positionals: [
    { name: "ACTION", description: "What to do", choices: ["list", "explain"] },
    {
      name: "DESTINATION",
      description: "A gateway as https://host[:port], or a route as host:port; only with explain",
      optional: true,
    },
  ],
  options: [{ name: "json", description: "Print JSON" }, ...certificateFilterOptions],
  examples: [
    "sallyport certs list",
    "sallyport certs explain https://gateway.example.com --client-cert-issuer O=Example",
  ],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const rules = { ...readFilters(args), now: io.now() };
  const gateway = gatewayOf(args);
  using interruption = io.interruption();
  const password = await readPassword(args, io);
  const candidates = await storeCandidates({ env: (name) => io.env(name), os: io.os, password });
  const signal = AbortSignal.any([interruption.signal, AbortSignal.timeout(10_000)]);
  const choice = await chooseCandidate(candidates, { gateway, rules, signal });
  io.stdout(args.has("json") ? asciiJson(asData(choice)) : wishText(choice, gateway) + asTable(choice));
  return EXIT.ok;
}

function gatewayOf(args: ParsedArgs): GatewayAddress | null {
  const destination = args.find("DESTINATION");
  const action = args.get("ACTION");
  if (action !== "list" && action !== "explain") {
    throw new UsageError("cli/unexpected-argument", `There is no action ${action}`, "it is list or explain");
  }
  if (destination === undefined) return null;
  if (action === "list") {
    throw new UsageError("cli/unexpected-argument", `There is an argument too many: ${destination}`);
  }
  return /^https?:/.test(destination)
    ? parseGatewayUrl(destination)
    : parseDestination(destination, {}).gateway;
}

function asData({ advertised, verdicts }: Choice): unknown {
  return {
    asked: advertised?.isAsked ?? null,
    authorities: advertised?.names.map(formatName) ?? null,
    certificates: verdicts.map(({ candidate, outcome, reason }) => {
      const [own] = candidate.chain;
      return {
        source: candidate.source,
        subject: own === undefined ? null : formatName(own.subject),
        issuer: own === undefined ? null : formatName(own.issuer),
        notBefore: own === undefined ? null : isoDate(own.notBefore),
        notAfter: own === undefined ? null : isoDate(own.notAfter),
        fingerprint: own?.fingerprintSha256 ?? null,
        outcome,
        reason,
      };
    }),
  };
}

/** What the gateway says. */
function wishText({ advertised }: Choice, gateway: GatewayAddress | null): string {
  if (gateway === null) return "";
  const origin = gatewayOrigin(gateway);
  if (advertised === null) {
    return `${origin} does not tell which certificates it accepts (it has no TLS 1.2)\n\n`;
  }
  if (!advertised.isAsked) return `${origin} asks for no certificate\n\n`;
  if (advertised.names.length === 0) return `${origin} asks for a certificate, and names no authority\n\n`;
  const names = advertised.names.map((name) => `  ${formatName(name)}\n`);
  return `${origin} asks for a certificate from one of:\n${names.join("")}\n`;
}

function asTable({ verdicts }: Choice): string {
  if (verdicts.length === 0) return "there is no certificate where sallyport looks for one\n";
  return formatTable([["SOURCE", "SUBJECT", "ISSUER", "NOT AFTER", "WHY"], ...verdicts.map(rowOf)]);
}

function rowOf({ candidate, reason }: Verdict): string[] {
  const [own] = candidate.chain;
  const [subject, issuer, notAfter] = own === undefined
    ? ["-", "-", "-"]
    : [formatName(own.subject) || "-", formatName(own.issuer) || "-", isoDate(own.notAfter).slice(0, 10)];
  return [printable(candidate.source, 200), subject, issuer, notAfter, printable(reason)];
}

function isoDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
