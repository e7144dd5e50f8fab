import { describe, expect, it } from "vitest";
import { loopbackCallback } from "../../lib/client/callback.ts";
import { testToken } from "./_scripted_gateway.ts";

const HOST = "127.0.0.1:4000";
const PATH = "/callback/nonce";
const TOKEN = testToken();
const NOW = 1_700_000_000_000;

function callback() {
  return loopbackCallback({ host: HOST, path: PATH, now: () => NOW });
}

function request(pathAndQuery: string, options: { method?: string; host?: string } = {}): Request {
  const { method = "GET", host = HOST } = options;
  return new Request(`http://${HOST}${pathAndQuery}`, { method, headers: { host } });
}

describe("loopbackCallback()", () => {
  it("takes the token from the one right request", async () => {
    const { token, handle } = callback();
    const response = handle(request(`${PATH}?pomerium_jwt=${TOKEN}`));
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("You can close this window");
    expect(await token).toBe(TOKEN);
  });

  it("answers nothing that a browser would keep or send on", () => {
    const { headers } = callback().handle(request(`${PATH}?pomerium_jwt=${TOKEN}`));
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it("refuses a second use", async () => {
    const { token, handle } = callback();
    handle(request(`${PATH}?pomerium_jwt=${TOKEN}`));
    const second = testToken({ sub: "mallory" });
    expect(handle(request(`${PATH}?pomerium_jwt=${second}`)).status).toBe(409);
    expect(await token).toBe(TOKEN);
  });

  const usable = `pomerium_jwt=${TOKEN}`;
  it.each([
    ["another path", `/callback/?${usable}`, {}, 404],
    ["a longer path", `${PATH}/x?${usable}`, {}, 404],
    ["the root", `/?${usable}`, {}, 404],
    ["a name that leads here (DNS rebinding)", `${PATH}?${usable}`, { host: "evil.example.com:4000" }, 421],
    ["localhost for 127.0.0.1", `${PATH}?${usable}`, { host: "localhost:4000" }, 421],
    ["a host without port", `${PATH}?${usable}`, { host: "127.0.0.1" }, 421],
    ["POST", `${PATH}?${usable}`, { method: "POST" }, 405],
    ["HEAD", `${PATH}?${usable}`, { method: "HEAD" }, 405],
    ["no token", PATH, {}, 400],
    ["an empty token", `${PATH}?pomerium_jwt=`, {}, 400],
    ["two tokens", `${PATH}?${usable}&${usable}`, {}, 400],
    ["a token and more", `${PATH}?${usable}&x=1`, {}, 400],
    ["a token of another name", `${PATH}?jwt=${TOKEN}`, {}, 400],
    ["something that is no token", `${PATH}?pomerium_jwt=abc`, {}, 400],
    ["an expired token", `${PATH}?pomerium_jwt=${testToken({ exp: 1 })}`, {}, 400],
  ])("refuses %s and goes on waiting", async (_, target, options, status) => {
    const { token, handle } = callback();
    expect(handle(request(target, options)).status).toBe(status);
    expect(handle(request(`${PATH}?${usable}`)).status).toBe(200);
    expect(await token).toBe(TOKEN);
  });
});
