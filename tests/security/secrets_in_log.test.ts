import { expect, it } from "vitest";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { PASSWORD } from "../_support/test_gateway.ts";
import { browse, callbackUrlFor, cookiesSetBy, csrfOf, programSignInUrl, startWithAnn } from "./_support.ts";

const FIELDS = [
  "path",
  "query",
  "referer",
  "user-agent",
  ...["cookie", "authorization", "proxy-authorization", "x-pomerium-authorization", "Set-Cookie", "Cookie"]
    .map((name) => `headers.${name}`),
];

it("no password, token, cookie, callback code or key is in the log, even one that logs every field at level trace", async () => {
  const { gateway } = await startWithAnn(`log_level: trace\naccess_log_fields: ${JSON.stringify(FIELDS)}`);
  await using _ = gateway;
  const secrets = new Set([PASSWORD, encodeURIComponent(PASSWORD), "correct+horse", "wrong-password-of-ann"]);
  for (const file of ["shared-secret", "signing-key.pem"]) {
    secrets.add((await Deno.readTextFile(`${gateway.folder}/state/${file}`)).trim());
  }

  // A person, who types a wrong password first.
  using browser = browse(gateway);
  const failed = await browser.signIn(`${gateway.url}/.pomerium/sign_in`, {
    name: "ann",
    password: "wrong-password-of-ann",
  });
  expect(failed.response.status).toBe(401);
  const callback = await callbackUrlFor(browser, `${gateway.url}/.pomerium/sign_in`);
  secrets.add(new URL(callback).searchParams.get("pomerium_session_encrypted")!);
  secrets.add(new URL(callback).searchParams.get("pomerium_signature")!);
  const response = await browser.request(callback, { headers: { referer: callback } });
  for (const cookie of cookiesSetBy(response)) secrets.add(cookie.slice(cookie.indexOf("=") + 1));
  const page = await browser.open(`${gateway.url}/.pomerium/`);
  secrets.add(csrfOf(page.text));
  for (const value of browser.cookiesOf(`localhost:${gateway.port}`).values()) secrets.add(value);

  // A program, with its token wherever one can stand.
  const programmatic = await callbackUrlFor(browser, await programSignInUrl(gateway)).catch(() => null);
  expect(programmatic).toBeNull();
  const token = await gateway.token("ann");
  secrets.add(token);
  secrets.add(btoa(`pomerium:${token}`));
  for (
    const headers of [
      { authorization: `Pomerium ${token}` },
      { authorization: `Bearer Pomerium-${token}` },
      { "x-pomerium-authorization": token },
      { "proxy-authorization": `Basic ${btoa(`pomerium:${token}`)}` },
      { cookie: `_pomerium=${token}` },
    ]
  ) {
    const answer = await gateway.connect("closed.test:1", { headers });
    answer.stream.close();
    expect(answer.status).toBe(503);
    await sendRaw(gateway, getRequest("/.pomerium/user", { Host: "localhost", ...headers }));
  }
  for (const path of ["/.pomerium/user", "/nothing", "/ping"]) {
    await sendRaw(gateway, getRequest(`${path}?pomerium_session=${token}&a=1`, { Host: "localhost" }));
    await sendRaw(gateway, getRequest(`${path}?%70omerium_jwt=${token}`, { Host: "localhost" }));
  }
  await sendRaw(
    gateway,
    `GET /ping HTTP/1.1\r\nHost: localhost\r\nAuthorization: Pomerium ${token}\nX: y\r\n\r\n`,
  );

  const log = gateway.written.join("\n");
  expect(log).toContain("pomerium_session=%5Bredacted%5D");
  expect(log).toContain('"headers.authorization":"[redacted]"');
  const [, claims = "", mac = ""] = token.split(".");
  for (const secret of [...secrets, claims, mac]) {
    expect(secret.length).toBeGreaterThan(8);
    expect(log.includes(secret), `${secret.slice(0, 6)}… is in the log`).toBe(false);
  }
});
