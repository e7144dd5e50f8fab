import { defaultAccessLogFields, optionalAccessLogFields } from "../lib/config/access_log_fields.ts";
import { downstreamMtlsKeys } from "../lib/config/downstream_mtls_keys.ts";
import { globalKeys } from "../lib/config/global_keys.ts";
import { ENVIRONMENT_PREFIX } from "../lib/config/environment.ts";
import { SCHEMES } from "../lib/config/from_url.ts";
import type { KeyTable, Scope } from "../lib/config/key_table.ts";
import { policyTestKeys } from "../lib/config/policy_test_keys.ts";
import { routeKeys } from "../lib/config/route_keys.ts";
import { runtimeFlagKeys } from "../lib/config/runtime_flags.ts";
import { sessionRecordingsKeys } from "../lib/config/session_recording_keys.ts";
import {
  circuitBreakerKeys,
  grpcHealthCheckKeys,
  healthCheckKeys,
  httpHealthCheckKeys,
  outlierDetectionKeys,
  tcpHealthCheckKeys,
} from "../lib/config/upstream_setting_keys.ts";
import { upstreamTunnelKeys } from "../lib/config/upstream_tunnel_keys.ts";
import { configurationSchema, renderConfigurationSchema } from "./configuration_schema.ts";
import { denoJson, withEnvironmentPermissions } from "./environment_permissions.ts";

const LINE_WIDTH = 110;

/** Where the page is kept. */
export const configurationDocs = new URL("../docs/configuration.md", import.meta.url);

/** The page about the configuration, from the tables that the loader reads by. Formatted as `deno fmt` does. */
export function renderConfigurationDocs(): string {
  const unenforced = [...keysOf(globalKeys, "unenforced"), ...keysOf(routeKeys, "unenforced")];
  return `<!-- Written by scripts/gen_configuration_docs.ts: change the tables in lib/config/ and run it again. -->

# Configuration

One YAML file, \`routes.yaml\` unless another is named. Files that it names are looked for in its folder.
Unknown keys are reported and have no effect. A value of a wrong type, and whatever else cannot be meant,
keeps the gateway from starting.

Durations are written as in \`30s\`, \`1h30m\` or \`250ms\`; the longest is 400 days.

${
    wrapped(
      `Nothing in the file is replaced by what the environment says: \`\${NAME}\` is only text. To keep a secret out of the file, use the key that ends in \`_file\`, or a variable of the environment, see below.`,
    )
  }

${
    wrapped(
      `An editor that knows JSON Schema completes and checks the file by [routes.schema.json](routes.schema.json), if the file says so in its first line:`,
    )
  }

\`\`\`yaml
# yaml-language-server: $schema=docs/routes.schema.json
\`\`\`

## Top level

${servedTable(globalKeys)}

In \`runtime_flags\`:

${servedTable(runtimeFlagKeys)}

In \`downstream_mtls\`:

${servedTable(downstreamMtlsKeys)}

In \`session_recordings\` ([recordings.md](recordings.md)):

${servedTable(sessionRecordingsKeys)}

## Routes

${
    wrapped(
      `Each entry of \`routes\` is one route. The language of \`policy\` is described in [policy.md](policy.md). Where "Applies to" names schemes, the key has no effect on routes from others, and is reported there.`,
    )
  }

${servedTable(routeKeys, { withScope: true })}

\`from\` is one of

- \`tcp+https://host:port\`: a TCP service. Without a port: every port of the host.
- \`tcp+https://gateway:port/host:port\`: the same, for a host whose name does not lead to the gateway. Several
  destinations are separated by slashes.
- \`udp+https://\` in the same two forms, \`https://host\` and \`ssh://name\`: accepted, and not served in this
  version.

A host may hold \`*\`, which stands for any text. A route that names host and port is taken before one that
names only the host, and that before one with \`*\`; otherwise the first in the file is taken.

${
    wrapped(
      `\`to\` is a URL, or a list of them. Without a port it is 443 for \`https\` and \`tls\`, 22 for \`ssh\` and 80 for the others; \`localhost\` is 127.0.0.1. A weight after a comma is the share of the traffic, as in \`tcp://10.0.0.5:5432,3\`; either all upstreams of a route have one, or none.`,
    )
  }

${
    wrapped(
      `A TCP service is reached by \`tcp://\`, or by \`tls://\`, where the gateway speaks TLS with it. A TCP route that leads to \`http://\` or \`https://\` asks the proxy there with CONNECT for the destination that the caller named. Keys that begin with \`tls_\` count for \`https://\`, \`https+unix://\` and \`tls://\`.`,
    )
  }

### Several services

${
    wrapped(
      `A service that cannot be reached is left for another one, before the caller hears anything. Health checks, \`outlier_detection\` and limits belong to the route, and start anew when its \`from\` or \`to\` changes. A service that was not checked yet counts as healthy. In an entry of \`health_checks\`:`,
    )
  }

${servedTable(healthCheckKeys)}

In \`http_health_check\`:

${servedTable(httpHealthCheckKeys)}

In \`tcp_health_check\`:

${servedTable(tcpHealthCheckKeys)}

In \`grpc_health_check\`:

${servedTable(grpcHealthCheckKeys)}

In \`outlier_detection\`:

${servedTable(outlierDetectionKeys)}

In \`circuit_breaker_thresholds\`, of a route or of the top level:

${servedTable(circuitBreakerKeys)}

In \`upstream_tunnel\`, of a route whose service people publish ([publish.md](publish.md)):

${servedTable(upstreamTunnelKeys)}

### Tests of a policy

${
    wrapped(
      `\`tests\` says what the policy of a route must answer to some calls. The tests run whenever the file is read: one that fails keeps the gateway from starting, and a running one from taking the file. A test never depends on the day on which it runs. There may be 10,000 in all.`,
    )
  }

\`\`\`yaml
routes:
  - from: tcp+https://db.example.com:5432
    to: tcp://10.0.0.5:5432
    policy:
      - allow:
          and:
            - claim/groups: engineering
            - source_ip: 10.0.0.0/8
    tests:
      - name: an engineer in the office
        user: { email: ada@example.com, groups: [engineering] }
        ip: 10.1.2.3
        expect: allow
      - name: an engineer elsewhere
        user: { email: ada@example.com, groups: [engineering] }
        ip: 192.0.2.7
        expect: deny
      - { user: bob@example.com, ip: 10.1.2.3, expect: deny }
      - { ip: 10.1.2.3, expect: login }
\`\`\`

${servedTable(policyTestKeys)}

${
    wrapped(
      `A user who is given by email alone has the id \`test-user\` and no groups. \`groups\` is what both \`claim/groups\` and \`groups\` ask about; what \`claims\` says counts before the claims that follow from the other keys. \`deny\` is every answer that neither lets in nor leads to signing in.`,
    )
  }

## The environment

${
    wrapped(
      `Every key of the top level can be set by a variable of the environment, which then counts in place of what the file says. Its name is the key in upper case, with \`${ENVIRONMENT_PREFIX}\` before it or without; with it comes first. What a mapping of known keys holds has a name of its own, as in \`${ENVIRONMENT_PREFIX}RUNTIME_FLAGS_CONFIG_HOT_RELOAD=false\`. Lists and mappings are written as YAML or JSON:`,
    )
  }

\`\`\`sh
COOKIE_EXPIRE=8h
${ENVIRONMENT_PREFIX}ADDRESS=:8443
ACCESS_LOG_FIELDS='[authority, duration, ip]'
\`\`\`

${
    wrapped(
      `An empty variable counts as absent. A variable whose name is a single word, such as \`ADDRESS\`, \`POLICY\` or \`ROUTES\`, counts as well, with a warning, as other programs may mean something else by it: the longer name is not reported. Removed keys are not looked up. What is wrong with a value is reported with the name of the variable. \`deno.json\` permits the gateway to look up these names.`,
    )
  }

## Fields of the access log

${wrapped(`By default: ${codes(defaultAccessLogFields)}.`)}

On request: ${codes(optionalAccessLogFields)}, and \`headers.NAME\` for a header of the
request.

## Keys without effect in this version

These are accepted, with a warning.

${wrapped(`Top level: ${codes(keysOf(globalKeys, "not-yet"))}.`)}

${wrapped(`In \`runtime_flags\`: ${codes(keysOf(runtimeFlagKeys, "not-yet"))}.`)}

${wrapped(`In \`outlier_detection\`: ${codes(keysOf(outlierDetectionKeys, "not-yet"))}.`)}

Routes, with the schemes for which they are:

${scopeTable(routeKeys)}

## Keys without any effect

These are accepted, with a warning that says why there is nothing for them to do.

${wrapped(`Top level: ${codes(keysOf(globalKeys, "pointless"))}.`)}

${wrapped(`In \`runtime_flags\`: ${codes(keysOf(runtimeFlagKeys, "pointless"))}.`)}

## Keys that are refused

${wrapped(`Removed at the top level: ${codes(keysOf(globalKeys, "removed"))}.`)}

${wrapped(`Removed in routes: ${codes(keysOf(routeKeys, "removed"))}.`)}

${
    wrapped(
      `Not enforced in this version: ${
        codes(unenforced)
      }. They keep callers out, so that to ignore them would let
 those callers in.`,
    )
  }
`;
}

function servedTable(table: KeyTable, options: { withScope?: boolean } = {}): string {
  const rows = [["Key", "Type", "Default", "Unit", ...(options.withScope ? ["Applies to"] : []), "Meaning"]];
  for (const [name, key] of Object.entries(table)) {
    if (key.status !== "served") continue;
    const { type, absent, description, protocols } = key;
    const scope = options.withScope ? [scopeText(protocols)] : [];
    rows.push([`\`${name}\``, type.label, defaultText(absent), type.unit ?? "", ...scope, description]);
  }
  return tableText(rows);
}

function scopeTable(table: KeyTable): string {
  const byScope = Object.groupBy(keysOf(table, "not-yet"), (name) => {
    const key = table[name]!;
    return scopeText("protocols" in key ? key.protocols : null);
  });
  const rows = Object.entries(byScope).map(([scope, names]) => [scope, codes(names!)]);
  return tableText([["Applies to", "Keys"], ...rows]);
}

function scopeText(protocols: Scope): string {
  return protocols === null ? "all" : protocols.map((protocol) => `\`${SCHEMES[protocol]}\``).join(", ");
}

/** @param rows the first one is the head */
function tableText(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  rows.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`)
    .join("\n");
}

function defaultText(absent: unknown): string {
  if (absent === null || absent === "") return "";
  if (absent === defaultAccessLogFields) return "see below";
  if (typeof absent === "object" && Object.keys(absent).length === 0) return "none";
  return `\`${Array.isArray(absent) ? absent.join(", ") : absent}\``;
}

function keysOf(table: KeyTable, status: string): string[] {
  return Object.keys(table).filter((name) => table[name]!.status === status);
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= LINE_WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

if (import.meta.main) {
  await Deno.writeTextFile(configurationDocs, renderConfigurationDocs());
  await Deno.writeTextFile(configurationSchema, renderConfigurationSchema());
  await Deno.writeTextFile(denoJson, withEnvironmentPermissions(await Deno.readTextFile(denoJson)));
}
