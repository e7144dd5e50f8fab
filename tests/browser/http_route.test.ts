import type { IncomingMessage, ServerResponse } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { HttpService, textOf } from "../_support/http_service.ts";
import { requirePeer } from "../_support/peers.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { fillIn, launchChromium, openPage } from "./_chromium.ts";

const hasChromium = requirePeer("chromium");
const PAGE = `<!doctype html><title>Behind</title><link rel="icon" href="data:,"><ul></ul><script>
const say = (text) => document.querySelector("ul").append(Object.assign(document.createElement("li"), { textContent: text }));
fetch("/echo", { method: "POST", body: "posted" }).then((answer) => answer.text()).then((text) => say("fetch " + text));
const events = new EventSource("/events");
events.onmessage = ({ data }) => { say("event " + data); if (data === "2") events.close(); };
const socket = new WebSocket("wss://" + location.host + "/socket");
socket.onopen = () => socket.send("hello");
socket.onmessage = ({ data }) => { say("socket " + data); socket.close(); };
</script>`;

let browser: Browser;
let service: HttpService;
let gateway: TestGateway;

async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  switch (incoming.url) {
    case "/echo":
      return void outgoing.end(await textOf(incoming));
    case "/events":
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      return void outgoing.write("data: 1\n\ndata: 2\n\n");
    default:
      outgoing.writeHead(200, { "content-type": "text/html" });
      return void outgoing.end(
        `${PAGE}<p>${incoming.headers["x-pomerium-claim-email"]}</p><p>${incoming.url}</p>`,
      );
  }
}

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await launchChromium();
  service = await HttpService.start(serve);
  new WebSocketServer({ server: service.server }).on("connection", (socket: WebSocketLike) => {
    socket.on("message", (data) => socket.send(`echo ${data}`));
  });
  gateway = await startTestGateway(`
jwt_claims_headers: [email]
routes:
  - from: https://localhost
    to: ${service.url}
    allow_websockets: true
    pass_identity_headers: true
    allowed_users: [ann@example.com]
`);
  const user = { name: "ann", password: PASSWORD, email: "ann@example.com" };
  await gateway.gateway.users.add(user);
}, 60_000);

afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await gateway[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

/** What is used here of a socket of `ws`. */
interface WebSocketLike {
  on(event: "message", listener: (data: Uint8Array) => void): void;
  send(data: string): void;
}

it.skipIf(!hasChromium)(
  "a browser is asked to sign in, and comes back to a page that posts, listens to events and opens a WebSocket",
  async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${gateway.url}/app?tab=2`);
    await fillIn(page, { name: "ann", password: PASSWORD });
    await page.waitForURL(`${gateway.url}/app?tab=2`);
    expect(await page.title()).toBe("Behind");
    await page.waitForFunction("document.querySelectorAll('li').length === 4");
    const said = await page.locator("li").allTextContents();
    expect(said.sort()).toEqual(["event 1", "event 2", "fetch posted", "socket echo hello"]);
    expect(await page.locator("p").allTextContents()).toEqual(["ann@example.com", "/app?tab=2"]);
    expect(complaints).toEqual([]);
    await page.context().close();
  },
  60_000,
);
