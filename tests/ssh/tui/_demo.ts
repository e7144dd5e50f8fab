import { systemClock } from "../../../lib/base/clock.ts";
import type { Terminal } from "../../../lib/ssh/handlers.ts";
import { pickRoute } from "../../../lib/ssh/tui/picker.ts";
import { TunnelScreen } from "../../../lib/ssh/tui/tunnel_screen.ts";
import { busyModel, connection, LOGIN, namesModel, START } from "./_model.ts";

/**
 * Runs a page on its own terminal, to be looked at: `deno run -A tests/ssh/tui/_demo.ts [screen|names|picker]`. SIGTERM stands
 * for the gateway ending the connection, SIGUSR1 for a connection that comes.
 */
const clock = { ...systemClock, now: () => START };
const end = new AbortController();
Deno.addSignalListener("SIGTERM", () => end.abort());

const terminal: Terminal = {
  term: Deno.env.get("TERM") ?? "",
  env: Deno.env.toObject(),
  get columns() {
    return Deno.consoleSize().columns;
  },
  get rows() {
    return Deno.consoleSize().rows;
  },
  stream: {
    read: (into) => Deno.stdin.read(into),
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await Deno.stdout.write(bytes.subarray(sent));
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  },
  onResize(listener) {
    Deno.addSignalListener("SIGWINCH", listener);
    return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", listener) };
  },
  exit() {},
};

const model = Deno.args[0] === "names" ? namesModel() : busyModel();
Deno.addSignalListener("SIGUSR1", () => {
  const channel = model.connections.length + 1;
  model.change({ connections: [...model.connections, connection(channel, { path: "/new" })] });
});

Deno.stdin.setRaw(true);
const routes = [
  "ann@build-box",
  "ann@db",
  "ann@router",
  ...Array.from({ length: 40 }, (_, index) => `ann@node-${index + 1}`),
];
const answer = Deno.args[0] === "picker"
  ? await pickRoute(terminal, { routes, title: "Which server?", clock, signal: end.signal })
  : await new TunnelScreen(clock).open(terminal, { model, login: LOGIN, signal: end.signal });
Deno.stdin.setRaw(false);
// deno-lint-ignore no-console
console.log(`answer: ${answer}`);
Deno.exit(0);
