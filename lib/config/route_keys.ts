import { base64Text, pageUrl, someText } from "./_global_types.ts";
import { httpRouteKeys } from "./_http_keys.ts";
import { type KeyTable, notYetFor, optional, removed, served, unenforced } from "./key_table.ts";
import { bearerTokenFormat, issuerFormat } from "./_identity_types.ts";
import { recordingRouteKeys } from "./_session_recording.ts";
import { sshRouteKeys } from "./_ssh_route.ts";
import { upstreamKeys } from "./_upstream_keys.ts";
import {
  anything,
  duration,
  flag,
  listOf,
  mapOf,
  mapping,
  oneOf,
  oneOrMore,
  scalar,
  text,
} from "./value_types.ts";

const onCarriers = notYetFor("http", "tcp", "udp");

/** Every key that a route knows. */
export const routeKeys = {
  name: optional({ type: text, description: "What the route is called. Without it: what `from` says." }),
  description: served({ type: text, absent: "", description: "What the route is for." }),
  from: optional({
    type: text,
    description: "What the route answers to, such as `tcp+https://db.example.com:5432`. Must be there.",
  }),
  to: optional({
    type: oneOrMore(text),
    description: "Where it leads, such as `tcp://10.0.0.5:5432`; each may end with a comma and a weight.",
  }),
  policy: optional({
    type: anything("policy", { $ref: "#/$defs/policy" }),
    description: "Who may use it. Without this key and the five below: nobody.",
  }),
  allow_public_unauthenticated_access: served({
    type: flag,
    absent: false,
    description: "Lets everyone in, without signing in.",
  }),
  allow_any_authenticated_user: served({
    type: flag,
    absent: false,
    description: "Lets in everyone who has signed in.",
  }),
  allowed_users: served({
    type: listOf(text),
    absent: [],
    description: "Lets in those whose id or email is one of these.",
  }),
  allowed_domains: served({
    type: listOf(text),
    absent: [],
    description: "Lets in those whose email is at one of these domains.",
  }),
  allowed_idp_claims: served({
    type: mapOf(listOf(scalar)),
    absent: {},
    description: "Lets in those who have one of these values in one of these claims.",
  }),
  logo_url: optional({
    type: pageUrl,
    description: "A picture for the route, for programs that show the list of routes.",
  }),
  tests: served({
    type: listOf(anything("tests", { $ref: "#/$defs/test" })),
    absent: [],
    description: "Calls and the answers that the policy must give to them, see below.",
  }),
  show_error_details: served({
    type: flag,
    absent: false,
    description: "Says with a refusal which rules led to it.",
    protocols: ["http", "tcp", "udp"],
  }),
  timeout: served({
    type: duration({ minMs: 0 }),
    absent: "0",
    description: "Longest life of a tunnel; 0 is unlimited.",
    protocols: ["http", "tcp", "udp"],
  }),
  idle_timeout: optional({
    type: duration({ minMs: 0 }),
    description:
      "Longest time with nothing either way; 0 is unlimited. Without it: 2m for UDP, unlimited for the others.",
    protocols: ["http", "tcp", "udp"],
  }),
  max_session_duration: served({
    type: duration({ minMs: 0 }),
    absent: "0",
    description: "Longest time a tunnel may be open before it has to be opened anew; 0 is unlimited.",
    protocols: ["tcp", "udp", "ssh"],
  }),
  send_proxy_protocol: optional({
    type: oneOf<1 | 2>({ v1: 1, v2: 2 }),
    description:
      "Sends the service a PROXY header with the address of the caller before anything else: `v1` or `v2`. `v2` also holds a signed assertion about a caller who is signed in. The service must expect it.",
    protocols: ["tcp"],
  }),
  jwt_issuer_format: optional({
    type: issuerFormat,
    description: "How the issuer of assertions is written. Without it: as at the top level.",
    protocols: ["http", "tcp"],
  }),
  bearer_token_format: optional({
    type: bearerTokenFormat,
    description: "How `Authorization: Bearer` is read. Without it: as at the top level.",
    protocols: ["http", "tcp", "udp"],
  }),
  idp_access_token_allowed_audiences: optional({
    type: listOf(someText),
    description: "Whom access tokens of the identity provider are for. Without it: as at the top level.",
    protocols: ["http", "tcp", "udp"],
  }),
  identity_providers: optional({
    type: listOf(text),
    description: "Whose bearer tokens the route takes, by name. Without it: those of all.",
    protocols: ["http", "tcp", "udp"],
  }),

  tls_downstream_client_ca: optional({
    type: base64Text,
    description:
      "The authorities of client certificates on this route, in place (PEM). Without: `downstream_mtls`.",
    protocols: ["http", "tcp", "udp"],
  }),
  tls_downstream_client_ca_file: optional({
    type: text,
    description: "File of such authorities (PEM).",
    protocols: ["http", "tcp", "udp"],
  }),
  idp_client_id: optional({
    type: someText,
    description:
      "What the provider knows this route by: a client of its own. Only sessions that began through it count here. Without it: the client of the top level.",
  }),
  idp_client_secret: optional({
    type: someText,
    isSecret: true,
    description: "What that client proves itself with. Without it: as at the top level.",
  }),

  sub_policies: unenforced,

  allowed_groups: removed("write a policy with claim/groups"),
  set_authorization_header: removed("use set_request_headers"),

  ...upstreamKeys,
  tls_downstream_server_name: onCarriers,

  upstream_tunnel: optional({
    type: mapping("mapping", { $ref: "#/$defs/upstream_tunnel" }),
    description:
      "Lets people publish the service, by `ssh -R` or `sallyport publish`, see below: the gateway never reaches `to` by itself.",
  }),
  ...recordingRouteKeys,
  ...sshRouteKeys,

  ...httpRouteKeys,
} satisfies KeyTable;
