import { errorMessage } from "../base/errors.ts";
import type { Config, SshKeySource } from "../config/config.ts";
import {
  type MadeKeyType,
  makePrivateKey,
  readHostKey,
  readPrivateKey,
  type SshPrivateKey,
} from "../ssh/host_keys.ts";
import { GatewayError } from "./gateway_error.ts";
import type { StateDirectory } from "./state_directory.ts";

/** The keys of the SSH server. */
export interface SshKeys {
  /** What it proves itself with; at least one. */
  readonly hostKeys: readonly SshPrivateKey[];
  /** Signs certificates for the servers behind routes. */
  readonly userCaKey: SshPrivateKey;
}

/** What is made when no host key is configured. */
const MADE: readonly MadeKeyType[] = ["ed25519", "rsa"];
const USER_CA = "ssh_user_ca_key";
/** Permissions of anybody but the owner. */
const OTHERS = 0o077;

/**
 * The keys that the configuration names, or those of the state directory, which are made when they are not there.
 *
 * @returns `null` when SSH is not served
 * @throws {SallyportError} `gateway/key-exposed`, `gateway/state-…`, `ssh/…`
 */
export async function sshKeysOf({ ssh }: Config, state: StateDirectory): Promise<SshKeys | null> {
  if (ssh === null) return null;
  const hostKeys = ssh.hostKeys.length > 0
    ? await Promise.all(
      ssh.hostKeys.map((source) => configuredKey(source, { key: "ssh_host_keys", read: readHostKey })),
    )
    : await Promise.all(MADE.map((type) => storedKey(`ssh_host_${type}_key`, { type, state })));
  const userCaKey = ssh.userCaKey === null
    ? await storedKey(USER_CA, { type: "ed25519", state })
    : await configuredKey(ssh.userCaKey, { key: "ssh_user_ca_key", read: readPrivateKey });
  // For the servers behind routes, which trust it.
  if (ssh.userCaKey === null) {
    await state.readOrMake(`${USER_CA}.pub`, () => Promise.resolve(`${userCaKey.line}\n`));
  }
  return { hostKeys, userCaKey };
}

async function configuredKey(
  { pem, file }: SshKeySource,
  { key, read }: { key: string; read: typeof readPrivateKey },
): Promise<SshPrivateKey> {
  if (file === null) return read(pem, { source: `the key in ${key}` });
  await requirePrivate(file);
  return read(pem, { source: `the key in ${file}` });
}

async function storedKey(
  name: string,
  { type, state }: { type: MadeKeyType; state: StateDirectory },
): Promise<SshPrivateKey> {
  const pem = await state.readOrMake(name, () => makePrivateKey(type));
  return readPrivateKey(pem, { source: `the key in ${state.file(name)}` });
}

async function requirePrivate(file: string): Promise<void> {
  const mode = await Deno.stat(file).then(({ mode }) => mode, (cause) => {
    const message = `Cannot look at the file ${file}: ${errorMessage(cause)}`;
    throw new GatewayError("gateway/key-exposed", message, { cause });
  });
  if (mode === null || (mode & OTHERS) === 0) return;
  throw new GatewayError(
    "gateway/key-exposed",
    `Cannot use the key in ${file}: others than its owner can read it`,
    {
      hint: `run: chmod 600 ${file}`,
    },
  );
}
