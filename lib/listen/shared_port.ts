import { CAN_SHARE_PORT, probePort } from "./_port.ts";
import { ListenError } from "./listen_error.ts";

/**
 * Finds out whether several processes of ours can listen there, and nobody else does.
 *
 * @param address `port` 0 has the system choose one @returns the port, which is not held
 * @throws {ListenError} as `acceptTcp`, and `listen/not-permitted` where the platform does not let processes share a port
 */
export function findSharedPort(address: { readonly hostname: string; readonly port: number }): number {
  // Elsewhere the system gives all connections to one of those that share a port.
  if (!CAN_SHARE_PORT || Deno.build.os !== "linux") {
    const { hostname, port } = address;
    throw new ListenError(
      "listen/not-permitted",
      `Cannot share ${hostname}:${port} among several processes`,
      {
        hint: "run on Linux with --unstable-net, or set workers: 1",
      },
    );
  }
  return probePort(address);
}
