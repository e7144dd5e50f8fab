import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { ConnectRequest } from "../../lib/http/connect_request.ts";

describe("ConnectRequest", () => {
  it("is a Request with the method CONNECT and the headers it was given", () => {
    const request = new ConnectRequest(new Headers({ authorization: "Pomerium x" }));
    expect(request).toBeInstanceOf(Request);
    expect(request.method).toBe("CONNECT");
    expect(request.headers.get("authorization")).toBe("Pomerium x");
    expect(request.body).toBeNull();
  });

  it("goes through the router to the handler of CONNECT, and no other", async () => {
    const app = new Hono()
      .get("*", (c) => c.text("GET"))
      .on("CONNECT", "*", (c) => c.text("CONNECT"));
    expect(await (await app.fetch(new ConnectRequest(new Headers()))).text()).toBe("CONNECT");
  });
});
