import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho } from "../_support/echo.ts";
import { requirePostgres, startPostgres, type TestPostgres } from "../_support/postgres.ts";
import { run, sallyport } from "../_support/programs.ts";
import { readAll, readExactly, startTestGateway } from "../_support/test_gateway.ts";

describe.skipIf(!requirePostgres())("gateways that share PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  it(
    "know each other's users and sessions, and cut a tunnel when a third process ends the session",
    async () => {
      const connectionString = await server.database();
      using echo = serveEcho();
      const config = `
databroker_storage_type: postgres
databroker_storage_connection_string: ${connectionString}
shared_secret: ${"A".repeat(43)}=
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
`;
      await using first = await startTestGateway(config);
      await using second = await startTestGateway(config);
      await first.addUser("ann");
      const token = await second.token("ann");
      const tunnels = [
        await first.connect("echo.test:7", { token }),
        await second.connect("echo.test:7", { token }),
      ];
      expect(tunnels.map(({ status }) => status)).toEqual([200, 200]);
      const claims = await server.psql(connectionString, "SELECT claims FROM sallyport.sessions");
      expect(claims).toMatch(/^sealed:v1:/);

      const users = ["users", "--config", `${first.folder}/routes.yaml`];
      const listed = await run(sallyport(...users, "list"));
      expect(new TextDecoder().decode(listed.stdout)).toBe("ann\tann@localhost\t\n");
      expect(await run(sallyport(...users, "passwd", "ann"))).toMatchObject({ code: 0 });
      for (const { stream } of tunnels) {
        expect(await readAll(stream)).toHaveLength(0);
        stream.close();
      }
      const again = await first.connect("echo.test:7", { token });
      expect(again.status).toBe(401);
      again.stream.close();
      expect([...first.written, ...second.written].join("")).not.toContain(
        new URL(connectionString).password,
      );
    },
    30_000,
  );

  it("decide nothing without it, keep what is open, and apply what they missed when it is back", async () => {
    const connectionString = await server.database();
    using echo = serveEcho();
    await using gateway = await startTestGateway(`
databroker_storage_type: postgres
databroker_storage_connection_string: ${connectionString}
shared_secret: ${"A".repeat(43)}=
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
`);
    for (const name of ["ann", "bob"]) await gateway.addUser(name);
    const [ann, bob] = [await gateway.token("ann"), await gateway.token("bob")];
    const kept = await gateway.connect("echo.test:7", { token: ann });
    const cut = await gateway.connect("echo.test:7", { token: bob });
    await server.crash();
    const refused = await gateway.connect("echo.test:7", { token: ann });
    refused.stream.close();
    expect(refused.status).toBe(503);
    expect(await gateway.line("tunnel refused")).toMatchObject({
      error: "store/unavailable",
      "response-code": 503,
    });
    await kept.stream.write(new TextEncoder().encode("open"));
    expect(await readExactly(kept.stream, 4)).toBe("open");

    await server.start();
    await server.psql(
      connectionString,
      "SELECT sallyport.remove_user(id, 0) FROM sallyport.users WHERE name = 'bob'",
    );
    expect(await readAll(cut.stream)).toHaveLength(0);
    cut.stream.close();
    await kept.stream.write(new TextEncoder().encode("still"));
    expect(await readExactly(kept.stream, 5)).toBe("still");
    kept.stream.close();
  }, 60_000);
});
