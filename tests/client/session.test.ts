import { describe, expect, it } from "vitest";
import { platformTrust } from "../../lib/client/gateway_trust.ts";
import { endSession, fetchUser } from "../../lib/client/session.ts";
import { respond, startGateway } from "./_scripted_gateway.ts";

const query = { token: "the-token", trust: platformTrust };

describe("fetchUser()", () => {
  it("returns the claims behind the token", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, `{"email":"alice@example.com"}`));
    expect(await fetchUser(gateway.address, query)).toEqual({ email: "alice@example.com" });
    const { method, target, authorization } = gateway.requests[0]!;
    expect([method, target, authorization]).toEqual(["GET", "/.pomerium/user", "Pomerium the-token"]);
  });

  it.each([401, 404, 302])("takes status %d for a token that is not known", async (status) => {
    await using gateway = startGateway((_, stream) => respond(stream, status));
    expect(await fetchUser(gateway.address, query)).toBeNull();
  });

  it.each([
    [500, "", "client/unexpected-status"],
    [403, "", "client/unexpected-status"],
    [200, "<html>", "client/bad-response"],
    [200, "[]", "client/bad-response"],
    [200, "null", "client/bad-response"],
  ])("refuses status %d with the body %j", async (status, body, code) => {
    await using gateway = startGateway((_, stream) => respond(stream, status, body));
    await expect(fetchUser(gateway.address, query)).rejects.toMatchObject({ code });
  });

  it("does not follow a redirect with the token", async () => {
    await using other = startGateway((_, stream) => respond(stream, 200, "{}"));
    await using gateway = startGateway((_, stream) =>
      stream.write(
        new TextEncoder().encode(
          `HTTP/1.1 302 Found\r\nLocation: ${other.url}/\r\nContent-Length: 0\r\n\r\n`,
        ),
      )
    );
    expect(await fetchUser(gateway.address, query)).toBeNull();
    expect(other.requests).toHaveLength(0);
  });

  it("gives up when the gateway does not answer in time", async () => {
    await using gateway = startGateway(() => new Promise(() => {}));
    await expect(fetchUser(gateway.address, { ...query, timeoutMs: 50 }))
      .rejects.toMatchObject({ code: "client/timeout" });
  });
});

describe("endSession()", () => {
  it.each([[204, true], [200, true], [401, false]])("takes status %d", async (status, ended) => {
    await using gateway = startGateway((_, stream) => respond(stream, status));
    expect(await endSession(gateway.address, query)).toBe(ended);
    const { method, target, authorization } = gateway.requests[0]!;
    expect([method, target, authorization]).toEqual([
      "POST",
      "/.pomerium/api/v1/logout",
      "Pomerium the-token",
    ]);
  });

  it.each([302, 404, 500])("refuses status %d", async (status) => {
    await using gateway = startGateway((_, stream) => respond(stream, status));
    await expect(endSession(gateway.address, query)).rejects.toMatchObject({
      code: "client/unexpected-status",
    });
  });
});
