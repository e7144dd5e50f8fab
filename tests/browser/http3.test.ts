import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import tls from "node:tls";
import { expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { PASSWORD, startTestGateway } from "../_support/test_gateway.ts";
import { fillIn, launchChromium, openPage } from "./_chromium.ts";

it.skipIf(!requirePeer("chromium"))("a browser signs in over HTTP/3", async () => {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(await startTestGateway("routes: []\n"));
  await gateway.addUser("ann");
  const browser = await launchChromium([
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    `--origin-to-force-quic-on=localhost:${gateway.port}`,
    `--ignore-certificate-errors-spki-list=${await publicKeyHash(gateway.port)}`,
  ]);
  stack.defer(() => browser.close());
  const { page, complaints } = await openPage(browser, { ignoreHTTPSErrors: false });
  await page.goto(`${gateway.url}/.pomerium/routes`);
  await fillIn(page, { name: "ann", password: PASSWORD });
  await page.waitForURL(`${gateway.url}/.pomerium/routes`);
  expect(await page.content()).toContain("ann");
  const protocols = await page.evaluate(
    `performance.getEntries().map((entry) => entry.nextHopProtocol).filter((name) => name)`,
  );
  expect(new Set(protocols as string[])).toEqual(new Set(["h3"]));
  expect(complaints).toEqual([]);
});

/** Of the certificate that the gateway shows, as Chromium takes it. */
async function publicKeyHash(port: number): Promise<string> {
  const socket = tls.connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { publicKey } = new X509Certificate(socket.getPeerCertificate().raw);
  socket.destroy();
  return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
}
