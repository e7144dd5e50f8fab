import { parseSshPrivateKey } from "../../codec/parse_ssh_private_key.ts";
import { type SshSigner, sshSigner } from "../../codec/ssh_signer.ts";

/**
 * What signs certificates for the servers behind `ssh://` routes, which name its public key in `TrustedUserCAKeys`.
 *
 * @param pem a private key without passphrase, as `ssh-keygen` or OpenSSL writes it: Ed25519, ECDSA or RSA
 * @throws {CodecError} `codec/unexpected` when it is none
 */
export function openUserAuthority(pem: string): SshSigner {
  return sshSigner(parseSshPrivateKey(pem));
}
