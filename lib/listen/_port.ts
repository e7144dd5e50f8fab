import { ListenError } from "./listen_error.ts";

/** Where to listen. */
export interface Address {
  /** Empty means every interface. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether others may listen there too; default `false`. */
  readonly sharesPort?: boolean;
}

/**
 * Whether two of our listeners may have one port at the same time (SO_REUSEPORT). The platform has it behind
 * `--unstable-net` (`"unstable": ["net"]` in deno.json), and ends the process of who asks for it without.
 */
export const CAN_SHARE_PORT = "listenDatagram" in Deno;

/**
 * Tries to listen there alone: two programs that share a port would silently get half of the connections each.
 *
 * @returns the port: the one the system chose if 0 was asked for
 * @throws {ListenError}
 */
export function probePort(address: Address): number {
  const listener = listenTcp({ ...address, sharesPort: false });
  listener.close();
  return listener.addr.port;
}

/** Listens for TCP. The caller closes it. @throws {ListenError} */
export function listenTcp(address: Address): Deno.TcpListener {
  const { hostname, port, sharesPort = false } = address;
  try {
    return Deno.listen({
      ...(hostname === "" ? {} : { hostname }),
      port,
      ...(sharesPort ? { reusePort: true } : {}),
    });
  } catch (error) {
    throw ListenError.from(error, address);
  }
}
