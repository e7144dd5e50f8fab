import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { hasPeer } from "../_support/peers.ts";
import { listening, type RunningProgram, start } from "../_support/programs.ts";
import { freePort } from "../_support/free_port.ts";
import { readAll, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

describe.skipIf(!hasPeer("haproxy"))("HAProxy behind send_proxy_protocol", () => {
  let folder: string;
  let haproxy: RunningProgram;
  let gateway: TestGateway;
  let token: string;

  beforeAll(async () => {
    const [port, plainPort] = [freePort(), freePort()];
    folder = await Deno.makeTempDir({ prefix: "sallyport-haproxy-" });
    const file = `${folder}/haproxy.cfg`;
    await Deno.writeTextFile(
      file,
      `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend told
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_unique_id]"
frontend ready
  bind 127.0.0.1:${plainPort}
  http-request return status 200
`,
    );
    haproxy = start(["haproxy", ["-db", "-f", file]]);
    await listening(plainPort);
    const route = (name: string) =>
      `  - { from: "tcp+https://${name}.test:1", to: "tcp://127.0.0.1:${port}", send_proxy_protocol: ${name}, allow_any_authenticated_user: true }`;
    gateway = await startTestGateway(`routes:\n${route("v1")}\n${route("v2")}\n`);
    await gateway.addUser("ann");
    token = await gateway.token("ann");
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await haproxy[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  });

  it.each(["v1", "v2"])("reads %s, and takes the caller for the one who connects", async (version) => {
    const { status, headers, stream } = await gateway.connect(`${version}.test:1`, { token });
    expect(status).toBe(200);
    await stream.write(utf8("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    const answer = fromUtf8(await readAll(stream));
    stream.close();
    const [source, sourcePort, destination, destinationPort, id] = answer.split("\r\n\r\n")[1]!.split(" ");
    expect([source, destination, destinationPort]).toEqual(["127.0.0.1", "127.0.0.1", String(gateway.port)]);
    expect(Number(sourcePort)).toBeGreaterThan(0);
    expect(id).toBe(version === "v1" ? "" : headers.get("x-request-id"));
  });
});
