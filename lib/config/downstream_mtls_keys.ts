import { compileRegex } from "../base/regex/regex.ts";
import { RegexError } from "../base/regex/regex_error.ts";
import type {
  AlternativeNamePattern,
  AlternativeNameType,
  MtlsEnforcement,
  OcspMode,
} from "./downstream_mtls.ts";
import { base64Text, count } from "./_global_types.ts";
import { type KeyTable, optional, served } from "./key_table.ts";
import { describe } from "./_quote.ts";
import { bad, good, type ValueType } from "./value_type.ts";
import { isMapping, listOf, oneOf, text } from "./value_types.ts";

const NAME_TYPES: Readonly<Record<AlternativeNameType, AlternativeNameType>> = {
  dns: "dns",
  email: "email",
  ip_address: "ip_address",
  uri: "uri",
  user_principal_name: "user_principal_name",
};

const alternativeName: ValueType<AlternativeNamePattern> = {
  label: "mappings of a kind of name to an expression",
  unit: null,
  schema: {
    type: "object",
    properties: Object.fromEntries(Object.keys(NAME_TYPES).map((type) => [type, { type: "string" }])),
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  },
  parse(value) {
    const [entry, another] = isMapping(value) ? Object.entries(value) : [];
    const type = entry !== undefined && Object.hasOwn(NAME_TYPES, entry[0])
      ? NAME_TYPES[entry[0] as AlternativeNameType]
      : null;
    if (entry === undefined || another !== undefined || type === null) {
      const hint = `write - dns: '.*\\.example\\.com', or another of ${Object.keys(NAME_TYPES).join(", ")}`;
      const message = `must be a mapping with one kind of name: found ${describe(value)}`;
      return bad({ code: "config/bad-value", message, hint });
    }
    const pattern = text.parse(entry[1]);
    if (!pattern.ok) return bad({ ...pattern.fault, path: [type, ...pattern.fault.path] });
    try {
      compileRegex(pattern.value);
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      return bad({
        code: "config/bad-value",
        message: `must be a regular expression: ${error.message}`,
        path: [type],
      });
    }
    return good({ type, pattern: pattern.value });
  },
};

/** Every key of `downstream_mtls`. */
export const downstreamMtlsKeys = {
  ca: optional({ type: base64Text, description: "The authorities, in place (PEM)." }),
  ca_file: optional({ type: text, description: "File of the authorities (PEM)." }),
  crl: optional({ type: base64Text, description: "Revocation lists of the authorities, in place (PEM)." }),
  crl_file: optional({ type: text, description: "File of such lists (PEM)." }),
  crl_check: served({
    type: oneOf<"leaf" | "chain">({ leaf: "leaf", chain: "chain" }),
    absent: "leaf",
    description:
      "What is looked up in the lists: the caller's certificate, or with `chain` those above it too.",
  }),
  ocsp: served({
    type: oneOf<OcspMode>({ off: "off", try: "try", require: "require" }),
    absent: "off",
    description:
      "Whether the OCSP responder that a caller's certificate names is asked if it was revoked. Without a clear answer it is trusted (`try`) or is not (`require`).",
  }),
  enforcement: served({
    type: oneOf<MtlsEnforcement>({
      policy_with_default_deny: "policy_with_default_deny",
      policy: "policy",
      reject_connection: "reject_connection",
    }),
    absent: "policy_with_default_deny",
    description:
      "What happens without a trusted certificate: every route refuses (`policy_with_default_deny`), those do whose policy does (`policy`), or the handshake fails (`reject_connection`).",
  }),
  match_subject_alt_names: served({
    type: listOf(alternativeName),
    absent: [],
    description:
      "One of these has to match a whole alternative name of the certificate: `dns`, `email`, `ip_address`, `uri` or `user_principal_name`, each with an expression.",
  }),
  max_verify_depth: served({
    type: count,
    absent: 1,
    description:
      "How many certificates may stand above the caller's, that of the authority included; 0 is unlimited.",
  }),
} satisfies KeyTable;
