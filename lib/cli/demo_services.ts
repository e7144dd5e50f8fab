import { createSocket, type Socket } from "node:dgram";
import { errorMessage, SallyportError } from "../base/errors.ts";
import { denoStream } from "../base/deno_stream.ts";
import { pump } from "../base/pump.ts";

/** Where the demo services listen; the routes that ship lead there. */
export const DEMO_PORTS = { echo: 9007, web: 9080 } as const;

/** A demo service cannot start. */
export class DemoError extends SallyportError {
  /** Something else listens on one of {@link DEMO_PORTS}. */
  readonly code = "demo/port-in-use";
}

const HOSTNAME = "127.0.0.1";
const PAGE = `<!doctype html><title>Sallyport demo</title><h1>It works</h1>
<p>This page came through a TCP tunnel of the gateway.</p>
`;

/**
 * Starts what the demo routes lead to, on loopback: a TCP echo, a UDP echo and a web page.
 *
 * @returns what stops them; the caller disposes it
 * @throws {DemoError} when a port is in use
 */
export function startDemoServices(): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  try {
    const tcp = stack.adopt(
      Deno.listen({ hostname: HOSTNAME, port: DEMO_PORTS.echo }),
      (listener) => listener.close(),
    );
    void echoTcp(tcp);
    stack.adopt(echoUdp(), (socket) => void socket.close());
    stack.use(Deno.serve(
      { hostname: HOSTNAME, port: DEMO_PORTS.web, onListen() {} },
      () => new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } }),
    ));
    return stack;
  } catch (cause) {
    void stack.disposeAsync();
    throw new DemoError(`Cannot start the demo services on ${HOSTNAME}: ${errorMessage(cause)}`, {
      cause,
      hint: `ports ${DEMO_PORTS.echo} and ${DEMO_PORTS.web} must be free`,
    });
  }
}

async function echoTcp(listener: Deno.TcpListener): Promise<void> {
  for await (const conn of listener) {
    conn.setNoDelay(true);
    const stream = denoStream(conn);
    pump(stream, stream).catch(() => {}).finally(() => stream.close());
  }
}

function echoUdp(): Socket {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
  // The TCP echo on the same port number has said already when it is taken.
  socket.on("error", () => {});
  return socket.bind(DEMO_PORTS.echo, HOSTNAME);
}
