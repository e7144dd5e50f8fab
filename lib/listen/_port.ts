import type { ServerKeyPair } from "./certificate_choice.ts";
import { ListenError } from "./listen_error.ts";

/** Where to listen. */
export interface Address {
  /** Empty means every interface. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/**
 * Whether two of our listeners may have one port at the same time (SO_REUSEPORT). The platform has it behind
 * `--unstable-net` (`"unstable": ["net"]` in deno.json), and ends the process of who asks for it without.
 */
export const CAN_SHARE_PORT = "listenDatagram" in Deno;

/**
 * Tries to listen there alone. Two programs that share ports would otherwise silently get half of the connections each.
 *
 * @throws {ListenError}
 */
export function probePort(address: Address): void {
  wrapped(address, () => Deno.listen(listenOptions(address))).close();
}

/** Listens for TCP. The caller closes it. @throws {ListenError} */
export function listenTcp(address: Address): Deno.TcpListener {
  return wrapped(address, () => Deno.listen({ ...listenOptions(address), ...sharing() }));
}

/** Listens for TLS with one certificate. The caller closes it. @throws {ListenError} */
export function listenTls(
  address: Address,
  { pair, alpn }: { pair: ServerKeyPair; alpn: readonly string[] },
): Deno.TlsListener {
  const key = { cert: pair.certPem, key: pair.keyPem, alpnProtocols: [...alpn] };
  return wrapped(address, () => {
    try {
      return Deno.listenTls({ ...listenOptions(address), ...sharing(), ...key });
    } catch (error) {
      throw isAboutAddress(error) ? error : ListenError.badCertificate(error);
    }
  });
}

function listenOptions({ hostname, port }: Address): { hostname?: string; port: number } {
  return hostname === "" ? { port } : { hostname, port };
}

function sharing(): { reusePort?: true } {
  return CAN_SHARE_PORT ? { reusePort: true } : {};
}

/** A name that is not an address has been refused by the probe. */
function isAboutAddress(error: unknown): boolean {
  const { AddrInUse, AddrNotAvailable, PermissionDenied, NotCapable } = Deno.errors;
  return [AddrInUse, AddrNotAvailable, PermissionDenied, NotCapable].some((kind) => error instanceof kind);
}

function wrapped<T>(address: Address, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    throw error instanceof ListenError ? error : ListenError.from(error, address);
  }
}
