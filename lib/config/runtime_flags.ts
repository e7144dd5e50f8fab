import { type KeyTable, notYet, pointless, served } from "./key_table.ts";
import { flag } from "./value_types.ts";

const NO_PROXY = "there is no second process to set up";

/** Every flag that `runtime_flags` knows. */
export const runtimeFlagKeys = {
  config_hot_reload: served({
    type: flag,
    absent: true,
    description: "Reads the configuration again when it, or a file that it names, has changed.",
  }),
  match_any_incoming_port: served({
    type: flag,
    absent: true,
    description:
      "A route from `https://host` without a port answers on every port; `false`: on port 443 only.",
  }),
  routes_portal: served({
    type: flag,
    absent: true,
    description: "Shows everyone who is signed in the routes that are open to them, at `/.pomerium/routes`.",
  }),
  ssh_allow_direct_tcpip: served({
    type: flag,
    absent: true,
    description: "Lets `ssh -J`, `ssh -L` and `ssh -W` reach routes, as far as their policies allow.",
  }),
  ssh_routes_portal: served({
    type: flag,
    absent: true,
    description: "Shows who signs in by SSH without a route the servers that they can pick.",
  }),
  ssh_upstream_tunnel: served({
    type: flag,
    absent: true,
    description: "Lets `ssh -R` and `sallyport publish` publish services on routes with `upstream_tunnel`.",
  }),

  add_extra_metrics_labels: notYet,
  allow_any_sign_out_redirect_uri: notYet,
  debug_admin_endpoints: notYet,
  mcp: notYet,
  mcp_dynamic_client_registration: notYet,
  pomerium_jwt_endpoint: notYet,
  refresh_session_at_id_token_expiration: notYet,

  authorize_use_synced_data: pointless(NO_PROXY),
  envoy_resource_manager: pointless(NO_PROXY),
  grpc_databroker_keepalive: pointless(NO_PROXY),
  set_envoy_concurrency_to_go_max_procs: pointless(NO_PROXY),
} satisfies KeyTable;
