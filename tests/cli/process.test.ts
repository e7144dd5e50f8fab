import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { pump } from "../../lib/base/pump.ts";
import { echoTunnel, readText, type ScriptedGateway, startGateway } from "../client/_scripted_gateway.ts";

const MAIN = new URL("../../mod.ts", import.meta.url).pathname;

function start(gateway: ScriptedGateway, listen: string): Deno.ChildProcess {
  const args = ["tcp", "redis.example.com:6379", "--gateway-url", gateway.url, "--listen", listen];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args, "--service-account", "opaque"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function printed(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  const reader = stream.getReader();
  for (;;) {
    const match = pattern.exec(text);
    if (match !== null) {
      reader.releaseLock();
      return match;
    }
    const { value, done } = await reader.read();
    if (done) throw new Error(`Only this was printed: ${text}`);
    text += new TextDecoder().decode(value);
  }
}

describe("the process sallyport tcp", () => {
  it("pipes standard input through and exits with the answer printed", async () => {
    await using gateway = startGateway((_, stream) => echoTunnel(stream));
    const child = start(gateway, "-");
    const writer = child.stdin.getWriter();
    await writer.write(utf8("PING\r\n"));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    expect(new TextDecoder().decode(stderr)).toBe("");
    expect(new TextDecoder().decode(stdout)).toBe("PING\r\n");
    expect(code).toBe(0);
  });

  it("exits when the service ends, although standard input is open", async () => {
    await using gateway = startGateway((_, stream) => stream.write(utf8("HTTP/1.1 200 OK\r\n\r\nbye")));
    const child = start(gateway, "-");
    expect(await new Response(child.stdout).text()).toBe("bye");
    expect((await child.status).code).toBe(0);
    await child.stdin.close();
    await child.stderr.cancel();
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends a live tunnel with FIN and exits with 0 on %s",
    async (signal) => {
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
      await using gateway = startGateway(async (_, stream) => {
        await stream.write(utf8("HTTP/1.1 200 OK\r\n\r\n"));
        await pump(stream, stream).then(resolve, reject);
      });
      const child = start(gateway, "127.0.0.1:0");
      const [, port] = await printed(child.stderr, /listening on 127\.0\.0\.1:(\d+)\n/);
      const local = denoStream(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
      await local.write(utf8("x"));
      const into = new Uint8Array(1);
      expect(await local.read(into)).toBe(1);
      child.kill(signal);
      await ended;
      expect(await readText(local)).toBe("");
      expect((await child.status).code).toBe(0);
      local.close();
      await Promise.all([child.stdin.close(), child.stdout.cancel(), child.stderr.cancel()]);
    },
  );
});
