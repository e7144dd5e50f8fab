/** Below the ports that the system gives to connections (32,768 and up on Linux): nothing takes them by chance. */
const LOWEST = 10_000;
const HIGHEST = 32_767;
/** No port is given out twice in a process. */
const given = new Set<number>();

/** A port of loopback that nobody uses for TCP or UDP, for a program or a configuration that must name its own. */
export function freePort(): number {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (given.has(port) || !isFree(port)) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): boolean {
  try {
    using _tcp = Deno.listen({ hostname: "127.0.0.1", port });
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
