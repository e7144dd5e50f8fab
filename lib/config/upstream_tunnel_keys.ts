import { type KeyTable, optional, unenforced } from "./key_table.ts";
import { anything } from "./value_types.ts";

/** The keys of `upstream_tunnel` of a route. */
export const upstreamTunnelKeys = {
  ssh_policy: optional({
    type: anything("policy", { $ref: "#/$defs/policy" }),
    description: "Who may publish the service. Without it: nobody.",
  }),
  ssh_policy_rego: unenforced,
} satisfies KeyTable;
