import { parseAuthority } from "../base/authority.ts";
import { parseDestination } from "../client/destination.ts";
import { examine, type Finding } from "../client/doctor.ts";
import { printable } from "../client/printable.ts";
import { asciiJson } from "./ascii_json.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { openCache } from "./gateway_access.ts";
import { readServiceAccount, readTrust, serviceAccountOptions, trustOptions } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";
import { destinationArgument, gatewayUrlOption } from "./tunnel_way.ts";
import { USER_AGENT } from "./version.ts";

/** `sallyport doctor` */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Find out what keeps a tunnel from working",
  description:
    "Goes the whole way to a service: the name of the gateway, TCP, TLS, the clock, your sign-in, each " +
    "version of HTTP, the route, its policy and the service itself. Says at which step it ends, why, and what to do.",
  positionals: [{
    ...destinationArgument("tcp"),
    description: `${destinationArgument("tcp").description}; udp+https:// for a UDP route`,
  }],
  options: [
    { name: "udp", description: "The route is a UDP route, also when the destination does not say so" },
    { name: "json", description: "Print the findings as JSON" },
    gatewayUrlOption,
    ...trustOptions,
    ...serviceAccountOptions,
  ],
  examples: ["sallyport doctor redis.example.com:6379", "sallyport doctor udp+https://dns.example.com:53"],
  run,
};

async function run(args: ParsedArgs, io: CliIo): Promise<number> {
  const text = args.get("DESTINATION");
  const destination = parseDestination(text, { gatewayUrl: args.find("gateway-url") });
  const target = parseAuthority(destination.authority);
  const kind = args.has("udp") || /^udp\+/i.test(text) ? "udp" : "tcp";
  using interruption = io.interruption();
  const trust = await readTrust(destination.gateway, { args, io });
  const token = (await readServiceAccount(args, io))?.trim() ??
    await (await openCache(io)).load(destination.gateway, io.now());
  const findings: Finding[] = [];
  const examination = examine(destination, {
    kind,
    trust,
    token,
    userAgent: USER_AGENT,
    open: async (carrier, request) =>
      kind === "tcp"
        ? (await carrier.openTcp(destination.authority, request)).close()
        : (await carrier.openUdp(target, request)).close(),
    now: () => io.now(),
    signal: interruption.signal,
  });
  for await (const finding of examination) {
    findings.push(finding);
    if (!args.has("json")) io.stdout(lineOf(finding));
  }
  if (args.has("json")) io.stdout(asciiJson({ destination: destination.authority, kind, findings }));
  return findings.some(({ status }) => status === "failed") ? EXIT.failure : EXIT.ok;
}

const LABELS: Readonly<Record<Finding["status"], string>> = {
  ok: "ok",
  warning: "warning",
  failed: "FAILED",
  skipped: "-",
};

function lineOf({ step, status, detail, hint, durationMs }: Finding): string {
  const time = durationMs === 0 ? "" : ` (${durationMs} ms)`;
  const line = `${LABELS[status].padEnd(8)} ${step.padEnd(9)} ${printable(detail, 1000)}${time}\n`;
  return hint === undefined ? line : `${line}${" ".repeat(19)}hint: ${printable(hint, 1000)}\n`;
}
