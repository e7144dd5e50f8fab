import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askAuthorities } from "../../lib/client/advertised_authorities.ts";
import { formatName } from "../../lib/pki/distinguished_name.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, type RunningProgram, start } from "../_support/programs.ts";

describe.skipIf(!requirePeer("openssl"))("askAuthorities()", () => {
  let [users, devices]: OpensslAuthority[] = [];
  let server: { certPem: string; keyPem: string };
  beforeAll(async () => {
    users = await opensslAuthority("/O=Example/CN=Example users");
    devices = await opensslAuthority("/O=Example/CN=Example devices");
    server = await users.issue("server", {
      subject: "/CN=localhost",
      extensions: ["subjectAltName=DNS:localhost"],
    });
  });
  afterAll(async () => {
    await users?.[Symbol.asyncDispose]();
    await devices?.[Symbol.asyncDispose]();
  });

  async function ask(port: number, signal = AbortSignal.timeout(10_000)) {
    const wish = await askAuthorities({ tls: true, host: "localhost", port }, { signal });
    return wish && { isAsked: wish.isAsked, names: wish.names.map(formatName) };
  }

  async function openssl(...args: string[]): Promise<RunningProgram & { port: number }> {
    const port = freePort();
    const folder = users!.folder;
    const pair = ["-cert", `${folder}/server.crt`, "-key", `${folder}/server.key`];
    const program = start(["openssl", ["s_server", "-accept", String(port), ...pair, "-www", ...args]]);
    await listening(port);
    return Object.assign(program, { port });
  }

  it.each<[string, string[], Awaited<ReturnType<typeof ask>>]>([
    ["one authority", ["-Verify", "1", "-CAfile", "ca.crt"], {
      isAsked: true,
      names: ["CN=Example users,O=Example"],
    }],
    ["no authority", ["-Verify", "1"], { isAsked: true, names: [] }],
    ["no certificate", [], { isAsked: false, names: [] }],
    ["TLS 1.2 only", ["-tls1_2", "-verify", "1"], { isAsked: true, names: [] }],
    ["TLS 1.3 only", ["-tls1_3", "-Verify", "1"], null],
  ])("hears from openssl with %s", async (_title, args, expected) => {
    await using server = await openssl(
      ...args.map((arg) => arg === "ca.crt" ? `${users!.folder}/ca.crt` : arg),
    );
    expect(await ask(server.port)).toEqual(expected);
  });

  it("hears several authorities from a server of the platform", async () => {
    const listener = createServer({
      cert: server.certPem,
      key: server.keyPem,
      ca: [users!.certPem, devices!.certPem],
      requestCert: true,
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = listener.address() as AddressInfo;
      expect(await ask(port)).toEqual({
        isAsked: true,
        names: ["CN=Example users,O=Example", "CN=Example devices,O=Example"],
      });
    } finally {
      listener.close();
    }
  });

  it("hears nothing from a gateway without TLS, or from one that ends the connection", async () => {
    const gateway = { tls: false, host: "localhost", port: 1 };
    expect(await askAuthorities(gateway, { signal: AbortSignal.timeout(1000) })).toBeNull();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const closing = (async () => {
      const conn = await listener.accept();
      await conn.write(new TextEncoder().encode("220 mail.example.com\r\n"));
      conn.close();
    })();
    expect(await ask(listener.addr.port)).toBeNull();
    await closing;
  });

  it("says that nobody listens, and gives up when told to", async () => {
    await expect(ask(freePort())).rejects.toMatchObject({ code: "client/unreachable" });
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const controller = new AbortController();
    const asking = ask(silent.addr.port, controller.signal);
    const conn = await silent.accept();
    controller.abort();
    await expect(asking).rejects.toMatchObject({ code: "client/cancelled" });
    conn.close();
  });
});
