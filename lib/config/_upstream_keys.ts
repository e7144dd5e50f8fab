import { AuthorityError, parseHost } from "../base/authority.ts";
import { caught } from "./_caught.ts";
import { base64Text, someText } from "./_global_types.ts";
import { type KeyTable, optional, pointless, served } from "./key_table.ts";
import { percent } from "./upstream_setting_keys.ts";
import type { BalancingPolicy } from "./upstream_settings.ts";
import { quote } from "./_quote.ts";
import { bad, good, type ValueType } from "./value_type.ts";
import { flag, listOf, mapping, oneOf, textAs } from "./value_types.ts";

const protocols = ["http", "tcp", "udp"] as const;

/** A name without `*`, or an address. */
const hostName: ValueType<string> = textAs("host name", (text) => {
  const host = caught(() => parseHost(text), AuthorityError);
  if (!(host instanceof AuthorityError)) return good(host);
  return bad({ code: "config/bad-value", message: `must be a host name: found ${quote(text)}` });
});

/** What a route knows about how its services are reached. */
export const upstreamKeys = {
  preserve_host_header: optional({
    type: flag,
    description:
      "Tells the service, or the next proxy, the destination that the caller named; `false`: its own host and port. Without it: `false` for HTTP, `true` for the others.",
    protocols,
  }),
  load_balancing_policy: served({
    type: oneOf<BalancingPolicy>({
      ROUND_ROBIN: "ROUND_ROBIN",
      LEAST_REQUEST: "LEAST_REQUEST",
      RANDOM: "RANDOM",
      RING_HASH: "RING_HASH",
      MAGLEV: "MAGLEV",
    }),
    absent: "ROUND_ROBIN",
    description:
      "How several services share the work. `RING_HASH` and `MAGLEV` lead the same session, or address, to the same one.",
    protocols,
  }),
  health_checks: served({
    type: listOf(mapping("checks", { $ref: "#/$defs/health_check" })),
    absent: [],
    description: "How services are looked after, see below. All that are found unhealthy are left out.",
    protocols: ["http", "tcp"],
  }),
  healthy_panic_threshold: served({
    type: percent,
    absent: 50,
    description: "With a smaller share of services that can be used, all are; 0: never.",
    protocols: ["http", "tcp"],
  }),
  outlier_detection: optional({
    type: mapping("mapping", { $ref: "#/$defs/outlier_detection" }),
    description: "Takes services out for a while that answer with errors, see below; `{}` with the defaults.",
    protocols: ["http", "tcp"],
  }),
  circuit_breaker_thresholds: served({
    type: mapping("mapping to numbers", { $ref: "#/$defs/circuit_breaker_thresholds" }),
    absent: {},
    description: "How much of what there may be at once, see below. What is missing is as at the top level.",
    protocols,
  }),
  tls_server_name: optional({
    type: hostName,
    description:
      "The name to ask the service for, and that its certificate must have. Without it: the host of `to`.",
    protocols,
  }),
  tls_upstream_server_name: optional({
    type: hostName,
    description: "The same, and counts if both are there.",
    protocols,
  }),
  tls_skip_verify: served({
    type: flag,
    absent: false,
    description:
      "Believes any certificate of the service: whoever is on the way can read and change everything.",
    protocols,
  }),
  tls_custom_ca_file: optional({
    type: someText,
    description: "File of the authorities that are trusted for the service, in place of all others.",
    protocols,
  }),
  tls_custom_ca: optional({
    type: base64Text,
    description: "The same in place; it counts if both are there.",
    protocols,
  }),
  tls_client_cert_file: optional({
    type: someText,
    description: "File of the certificate that the service is shown if it asks for one.",
    protocols,
  }),
  tls_client_key_file: optional({ type: someText, description: "File of its key.", protocols }),
  tls_client_cert: optional({
    type: base64Text,
    description: "The certificate in place; it and its key count if there are files, too.",
    protocols,
  }),
  tls_client_key: optional({
    type: base64Text,
    description: "Its key in place.",
    isSecret: true,
    protocols,
  }),
  tls_upstream_allow_renegotiation: pointless("renegotiation is never allowed"),
} satisfies KeyTable;
