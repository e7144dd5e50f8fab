import { describe, expect, it } from "vitest";
import { findCredentials } from "../../lib/identity/credentials.ts";

const basic = (text: string) => `Basic ${btoa(text)}`;

function find(headers: Record<string, string>, query = "") {
  const url = new URL(`https://gateway.example.com/${query}`);
  return findCredentials({ headers: new Headers(headers), url, cookieName: "_pomerium" });
}

describe("findCredentials()", () => {
  it.each<[Record<string, string>, string, string]>([
    [{ cookie: "_pomerium=T" }, "", "cookie"],
    [{ cookie: "a=b; _pomerium=T; c=d" }, "", "cookie"],
    [{ cookie: "a=b;_pomerium=T" }, "", "cookie"],
    [{ "x-pomerium-authorization": "T" }, "", "x-pomerium-authorization"],
    [{ authorization: "Pomerium T" }, "", "authorization"],
    [{ authorization: "Bearer Pomerium-T" }, "", "authorization"],
    [{ "proxy-authorization": "Pomerium T" }, "", "proxy-authorization"],
    [{ "proxy-authorization": "Bearer Pomerium-T" }, "", "proxy-authorization"],
    [{ "proxy-authorization": basic("pomerium:T") }, "", "proxy-authorization"],
    [{ "proxy-authorization": basic("pomerium:T").replace("Basic", "basic") }, "", "proxy-authorization"],
    [{}, "?pomerium_session=T", "query"],
    [{}, "?a=b&pomerium_session=T&pomerium_session=U", "query"],
  ])("finds the token in %j %s", (headers, query, carrier) => {
    expect(find(headers, query)).toEqual({ token: "T", carrier });
  });

  it.each<[Record<string, string>]>([
    [{}],
    [{ cookie: "_pomerium=" }],
    [{ cookie: "_pomerium" }],
    [{ cookie: "x_pomerium=T" }],
    [{ cookie: "_pomerium_csrf=T" }],
    [{ cookie: "_POMERIUM=T" }],
    [{ cookie: "a=_pomerium=T" }],
    [{ "x-pomerium-authorization": "" }],
    [{ authorization: "T" }],
    [{ authorization: "Pomerium" }],
    [{ authorization: "Pomerium " }],
    [{ authorization: "pomerium T" }],
    [{ authorization: "Bearer T" }],
    [{ authorization: "bearer Pomerium-T" }],
    [{ authorization: "Bearer pomerium-T" }],
    [{ authorization: basic("pomerium:T") }],
    [{ "proxy-authorization": basic("ada:T") }],
    [{ "proxy-authorization": basic("pomerium") }],
    [{ "proxy-authorization": basic("pomerium:") }],
    [{ "proxy-authorization": basic("Pomerium:T") }],
    [{ "proxy-authorization": "Basic !!!!" }],
    [{ "proxy-authorization": "Basic" }],
    [{ "proxy-authorization": "Basic " + "A".repeat(11_000) }],
  ])("finds none in %j", (headers) => {
    expect(find(headers)).toBeNull();
  });

  it("lets the first place decide, in this order", () => {
    const headers: Record<string, string> = {
      cookie: "_pomerium=1",
      "x-pomerium-authorization": "2",
      authorization: "Pomerium 3",
      "proxy-authorization": "Pomerium 4",
    };
    const order: (string | undefined)[] = [];
    for (const name of [...Object.keys(headers), "none"]) {
      order.push(find(headers, "?pomerium_session=5")?.token);
      delete headers[name];
    }
    expect(order).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("goes by the name of the cookie in the configuration", () => {
    const headers = new Headers({ cookie: "_pomerium=T; other.name=U" });
    expect(findCredentials({ headers, url: null, cookieName: "other.name" })?.token).toBe("U");
    expect(findCredentials({ headers, url: null, cookieName: "otherXname" })).toBeNull();
  });

  it("needs no URL", () => {
    const headers = new Headers({ authorization: "Pomerium T" });
    expect(findCredentials({ headers, url: null, cookieName: "_pomerium" })?.token).toBe("T");
  });
});
