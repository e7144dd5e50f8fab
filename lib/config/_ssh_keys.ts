import { address, base64Text } from "./_global_types.ts";
import type { Config, Route, SshKeySource, SshSettings } from "./config.ts";
import type { FileReader } from "./_files.ts";
import { deepFreeze } from "./_freeze.ts";
import { type KeyTable, optional, pointless, served, type Values } from "./key_table.ts";
import type { MappingPlace } from "./_read_keys.ts";
import type { runtimeFlagKeys } from "./runtime_flags.ts";
import type { ValueType } from "./value_type.ts";
import { listOf, text } from "./value_types.ts";

const OWN_LIMITS = "this gateway limits who connects by itself";

/** A private key in place: as it is, or in base64. */
const keyText: ValueType<string> = {
  ...base64Text,
  label: "key, or base64 of it",
  parse: (value) =>
    text.parse(value).ok && String(value).includes("-----BEGIN ")
      ? text.parse(value)
      : base64Text.parse(value),
};

/** The keys of the SSH server. */
export const sshKeys = {
  ssh_address: optional({
    type: address,
    description: "Where the gateway listens for SSH. Without it: nowhere.",
  }),
  ssh_host_key_files: served({
    type: listOf(text),
    absent: [],
    description:
      "Files of private keys that the gateway proves itself with, one of each kind; nobody else may be able to read them. Without any, it makes its own.",
  }),
  ssh_host_keys: served({
    type: listOf(keyText),
    absent: [],
    isSecret: true,
    description: "More such keys, in place.",
  }),
  ssh_user_ca_key_file: optional({
    type: text,
    description:
      "File of the private key that signs certificates for the servers behind `ssh://` routes. Without one, the gateway makes one and keeps it.",
  }),
  ssh_user_ca_key: optional({ type: keyText, isSecret: true, description: "That key, in place." }),
  ssh_rls_enabled: pointless(OWN_LIMITS),
  ssh_rls_additional_entries: pointless(OWN_LIMITS),
} satisfies KeyTable;

/** What the keys of the SSH server are read from. */
export interface SshSources {
  /** Those of the top level. */
  readonly values: Values<typeof sshKeys>;
  /** Those of `runtime_flags`. */
  readonly flags: Values<typeof runtimeFlagKeys>;
  /** The top level. */
  readonly place: MappingPlace;
  /** Reads the files that it names. */
  readonly files: FileReader;
  /** Those of `ssh://` have to be reached. */
  readonly routes: readonly Route[];
}

/** The SSH server; `null` when there is none. */
export async function readSsh({ values, flags, place, files, routes }: SshSources): Promise<Config["ssh"]> {
  const { ssh_address: listen, ssh_user_ca_key_file: caFile, ssh_user_ca_key: ca } = values;
  if (listen === null) {
    for (const { from } of routes) {
      if (from.protocol !== "ssh") continue;
      place.report.warnOnce("config/not-served", {
        message: "Routes from ssh:// are reached only with an ssh_address",
        hint: "say where to listen, as in ssh_address: :22",
        path: ["routes"],
      });
    }
    return null;
  }
  if (caFile !== null && ca !== null) {
    const message = "There is both an ssh_user_ca_key and an ssh_user_ca_key_file";
    place.report.error("config/conflict", {
      message,
      hint: "keep one of them",
      path: ["ssh_user_ca_key_file"],
      at: "key",
    });
  }
  const hostKeys: SshKeySource[] = values.ssh_host_keys.map((pem) => ({ pem, file: null }));
  for (const [index, name] of values.ssh_host_key_files.entries()) {
    const pem = await files.text(name, ["ssh_host_key_files", index]);
    if (pem !== null) hostKeys.push({ pem, file: files.pathOf(name) });
  }
  const caPem = caFile === null ? ca : await files.text(caFile, ["ssh_user_ca_key_file"]);
  const settings: SshSettings = {
    address: listen,
    hostKeys,
    userCaKey: caPem === null ? null : { pem: caPem, file: caFile === null ? null : files.pathOf(caFile) },
    allowsDirectTcpip: flags.ssh_allow_direct_tcpip,
    hasPortal: flags.ssh_routes_portal,
  };
  return deepFreeze(settings);
}
