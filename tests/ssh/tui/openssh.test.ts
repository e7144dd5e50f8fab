import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { systemClock } from "../../../lib/base/clock.ts";
import { SessionSetup, Shell } from "../../../lib/ssh/shell.ts";
import { TunnelScreen } from "../../../lib/ssh/tui/tunnel_screen.ts";
import { requirePeer } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";
import { busyModel, LOGIN, START } from "./_model.ts";
import { TAKEN, Tmux, UNTOUCHED } from "./_tmux.ts";

const areThere = requirePeer("tmux") && requirePeer("ssh");
const golden = (name: string) => Deno.readTextFile(new URL(`golden/${name}.txt`, import.meta.url));

const SSH = "ssh -F none -tt -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR";

describe.skipIf(!areThere)("the terminal page in OpenSSH in tmux", () => {
  const clock = { ...systemClock, now: () => START };
  let model: ReturnType<typeof busyModel>;
  let end: AbortController;
  let outcomes: string[];
  let server: ssh2.Server;
  let terminal: Tmux;

  beforeEach(async () => {
    model = busyModel();
    end = new AbortController();
    outcomes = [];
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519");
    server = new ssh2.Server({ hostKeys: [key] }, (client) => {
      client.on("error", () => {});
      client.on("authentication", (context) => context.accept());
      client.on("session", (accept) => {
        const session = accept();
        const setup = new SessionSetup(session);
        session.on("shell", async (acceptShell) => {
          const shell = new Shell(acceptShell(), setup);
          outcomes.push(
            await new TunnelScreen(clock).open(shell, { model, login: LOGIN, signal: end.signal }),
          );
          // OpenSSH leaves by itself then. Disconnected at once, it would not show what it was sent last.
          shell.exit(0);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    terminal = new Tmux();
    const { port } = server.address() as AddressInfo;
    await terminal.start({ columns: 80, rows: 24, command: `${SSH} -p ${port} ann@127.0.0.1` });
    await terminal.waitFor(await golden("screen_80x24"));
    expect(await terminal.modes()).toBe(TAKEN);
  });

  afterEach(async () => {
    await terminal[Symbol.asyncDispose]();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each<[string, () => Promise<void> | void]>([
    ["q", () => terminal.keys("q")],
    ["Ctrl-C", () => terminal.keys("C-c")],
    ["the gateway ending the connection", () => end.abort()],
  ])("leaves the terminal clean after %s", async (_what, leave) => {
    await leave();
    await terminal.waitFor(/^before\n icanon\n+$/);
    expect(await terminal.modes()).toBe(UNTOUCHED);
    expect(outcomes).toEqual(["quit"]);
    expect(model.listeners).toBe(0);
  }, 30_000);

  it("takes keys, clicks and sizes", async () => {
    await terminal.resize(200, 50);
    await terminal.waitFor(await golden("screen_200x50"));
    await terminal.click("https://grpc-route", { button: 2 });
    await terminal.waitFor(/Copy Remote URL/);
    await terminal.click("Copy Remote URL");
    await terminal.waitFor(/Remote URL copied/);
    expect(await terminal.buffer()).toBe("https://grpc-route.example.com");
  }, 30_000);

  it("holds on to nothing when the client is killed", async () => {
    await terminal.signal("SIGKILL");
    await until(() => model.listeners === 0);
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["quit"]);
  }, 30_000);
});
