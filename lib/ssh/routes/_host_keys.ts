import { formatAuthority } from "../../base/authority.ts";
import { formatSshKey, parseSshKeyLine, sshFingerprint, sshKeyType } from "../../codec/ssh_public_key.ts";
import type { Route, Upstream } from "../../config/config.ts";
import type { Log } from "../../observe/log.ts";
import type { KeyStore } from "../../store/key_store.ts";
import { SshRouteError } from "./ssh_route_error.ts";

/** By the type of the key, what a server can prove itself with (RFC 8332 section 3.1), the one to be preferred first. */
const ALGORITHMS: readonly (readonly [keyType: string, algorithms: readonly string[]])[] = [
  ["ssh-ed25519", ["ssh-ed25519"]],
  ["ecdsa-sha2-nistp256", ["ecdsa-sha2-nistp256"]],
  ["ecdsa-sha2-nistp384", ["ecdsa-sha2-nistp384"]],
  ["ecdsa-sha2-nistp521", ["ecdsa-sha2-nistp521"]],
  ["ssh-rsa", ["rsa-sha2-512", "rsa-sha2-256"]],
];

/** Which keys the server of a route may prove itself with. */
export class HostKeys {
  readonly #server: string;
  readonly #route: Route;
  /** `null`: any, and the first is the one from then on. */
  readonly #known: readonly string[] | null;
  readonly #keys: KeyStore;

  private constructor(
    route: Route,
    parts: { server: string; known: readonly string[] | null; keys: KeyStore },
  ) {
    this.#route = route;
    this.#server = parts.server;
    this.#known = parts.known;
    this.#keys = parts.keys;
  }

  /**
   * Those that the route names, else the one that the server had at first.
   *
   * @throws {SshRouteError} `ssh/host-key-mismatch`: none of them is of a kind that servers have
   * @throws {StoreError}
   */
  static async of(
    route: Route,
    { upstream, keys }: { upstream: Upstream; keys: KeyStore },
  ): Promise<HostKeys> {
    const server = formatAuthority(upstream);
    const first = route.sshHostKeys === null ? await keys.hostKey(server) : null;
    const known = route.sshHostKeys ?? (first === null ? null : [first]);
    const hostKeys = new HostKeys(route, { server, known, keys });
    if (hostKeys.algorithms.length === 0) throw hostKeys.mismatch(null);
    return hostKeys;
  }

  /** What is agreed on in the key exchange: only what the server has to have. */
  get algorithms(): readonly string[] {
    const types = this.#known?.map((line) => line.split(" ")[0]);
    return ALGORITHMS.flatMap(([type, algorithms]) => types?.includes(type) ?? true ? algorithms : []);
  }

  /** Whether the server may prove itself with this key. */
  accepts(key: Uint8Array): boolean {
    return this.#known?.includes(formatSshKey(key)) ?? true;
  }

  /** Says what a key would have had to be. @param key in wire format; `null`: the server has none of the kinds that are known */
  mismatch(key: Uint8Array | null): SshRouteError {
    const shown = key === null
      ? "no key of the kinds that are known"
      : `the ${sshKeyType(key)} key ${sshFingerprint(key)}`;
    const expected = this.#known?.map((line) => sshFingerprint(parseSshKeyLine(line)!)).join(" or ") ??
      "another";
    const source = this.#route.sshHostKeys === null ? "it had at first" : "the route names";
    return new SshRouteError(
      "ssh/host-key-mismatch",
      `The server ${this.#server} shows ${shown}, and ${source} ${expected}`,
      { hint: "if the server was given another key, name that with ssh_host_key on the route" },
    );
  }

  /**
   * Remembers a key that the server has proven, unless one is known.
   *
   * @throws {SshRouteError} `ssh/host-key-mismatch`: somebody else had seen another one a moment before
   */
  async remember(key: Uint8Array, log: Log): Promise<void> {
    if (this.#known !== null) return;
    const line = formatSshKey(key);
    if (await this.#keys.trustHostKey(this.#server, line) !== line) throw this.mismatch(key);
    log.warn("SSH host key trusted on first use", {
      route: this.#route.name,
      upstream: this.#server,
      fingerprint: sshFingerprint(key),
    });
  }
}
