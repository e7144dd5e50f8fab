import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { serveEcho } from "../_support/echo.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { type OpensslAuthority, opensslAuthority, type OpensslPair } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { type RunningProgram, start } from "../_support/programs.ts";
import { freePort } from "../_support/free_port.ts";
import {
  type LogLine,
  readAll,
  readAnswer,
  readExactly,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

/** As `openssl` counts: its answers hold for this long. */
const ANSWER_MS = 60_000;

const NUMBERS = { alice: "1001", bob: "1002", carol: "1003" };

let authority: OpensslAuthority;
let port: number;
let responder: RunningProgram | undefined;
let gateway: TestGateway;
let clock: ManualClock;
let echo: ReturnType<typeof serveEcho>;

beforeEach(async () => {
  authority = await opensslAuthority("/CN=Callers");
  port = freePort();
  responder = undefined;
  echo = serveEcho();
});

afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await responder?.[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

/** A caller's certificate that names the responder. */
function issue(name: keyof typeof NUMBERS): Promise<OpensslPair> {
  const extensions = [
    "keyUsage=digitalSignature",
    "extendedKeyUsage=clientAuth",
    `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`,
  ];
  return issueAs(name, { extensions, number: NUMBERS[name] });
}

async function issueAs(
  name: string,
  { extensions, number }: { extensions: readonly string[]; number: string },
): Promise<OpensslPair> {
  await Deno.writeTextFile(`${authority.folder}/ca.srl`, `${(parseInt(number, 16) - 1).toString(16)}\n`);
  return await authority.issue(name, { subject: `/CN=${name}`, extensions });
}

/** Writes what the responder knows: V for valid, R for revoked. */
async function record(states: Readonly<Record<string, "V" | "R">>): Promise<void> {
  const lines = Object.entries(states).map(([number, state]) =>
    `${state}\t401231235959Z\t${state === "R" ? "260101000000Z" : ""}\t${number}\tunknown\t/CN=somebody\n`
  );
  const file = `${authority.folder}/index.txt`;
  await Deno.writeTextFile(`${file}.new`, lines.join(""));
  await Deno.rename(`${file}.new`, file);
  if (responder === undefined) return;
  // It reads the file again after the answer that follows a change.
  const url = `http://127.0.0.1:${port}/`;
  await authority.openssl("ocsp", "-issuer", "ca.crt", "-serial", "1", "-url", url, "-CAfile", "ca.crt");
}

async function startResponder(signer = "ca"): Promise<void> {
  const file = (name: string) => `${authority.folder}/${name}`;
  const identity = ["-rsigner", file(`${signer}.crt`), "-rkey", file(`${signer}.key`), "-CA", file("ca.crt")];
  const args = ["ocsp", "-index", file("index.txt"), "-port", `${port}`, ...identity, "-nmin", "1"];
  responder = start(["openssl", args]);
  // It serves nobody any more after a connection without a request.
  const { stderr } = responder;
  await until(() => stderr().includes("waiting for OCSP client connections"));
}

async function startGateway(ocsp: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-ocsp-" });
  await Deno.writeTextFile(`${folder}/ca.pem`, authority.certPem);
  const config = `downstream_mtls: {ca_file: ca.pem, ocsp: ${ocsp}}
routes:
  - from: tcp+https://localhost/echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`;
  clock = new ManualClock(Date.now());
  gateway = await startTestGateway(config, { folder, clock });
}

async function connect({ certPem: cert, keyPem: key }: OpensslPair) {
  const address = { hostname: "localhost", port: gateway.port, caCerts: [gateway.caPem] };
  const conn = await Deno.connectTls({ ...address, alpnProtocols: ["http/1.1"], cert, key });
  const stream = denoStream(conn);
  await stream.write(utf8("CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n"));
  return await readAnswer(stream);
}

async function statusOf(pair: OpensslPair): Promise<number> {
  const { status, stream } = await connect(pair);
  stream.close();
  return status;
}

describe.skipIf(!requirePeer("openssl"))("openssl ocsp", () => {
  it("is asked, and ends the tunnels of who is revoked when its answer has ended", async () => {
    const [alice, bob, carol] = [await issue("alice"), await issue("bob"), await issue("carol")];
    await record({ [NUMBERS.alice]: "V", [NUMBERS.bob]: "R" });
    await startResponder();
    await startGateway("require");
    expect([await statusOf(bob), await statusOf(carol)]).toEqual([495, 495]);
    const reasons = gateway.linesOf("tunnel refused").map((line) => line["client-certificate"]);
    expect(reasons).toMatchObject([/was revoked/, /does not know/].map((found) => ({
      reason: expect.stringMatching(found),
    })));
    const { status, stream } = await connect(alice);
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    await record({ [NUMBERS.alice]: "R", [NUMBERS.bob]: "R" });
    expect(await statusOf(alice)).toBe(200);
    clock.advance(ANSWER_MS + 10_000);
    expect(await readAll(stream)).toEqual(new Uint8Array());
    stream.close();
    const isWithdrawn = ({ reason }: LogLine) => reason === "no-longer-allowed";
    expect(await until(() => gateway.linesOf("tunnel ended").find(isWithdrawn))).toMatchObject({
      detail: "invalid-client-certificate; time window",
    });
    expect(await statusOf(alice)).toBe(495);
  });

  it.each([
    ["responders", 200, ["keyUsage=digitalSignature", "extendedKeyUsage=OCSPSigning", "noCheck=ignored"]],
    ["clients", 495, ["keyUsage=digitalSignature", "extendedKeyUsage=clientAuth"]],
  ])("with a certificate of its own that is for %s: %i", async (_, status, extensions) => {
    await issueAs("responder", { extensions, number: "1009" });
    const alice = await issue("alice");
    await record({ [NUMBERS.alice]: "V" });
    await startResponder("responder");
    await startGateway("require");
    expect(await statusOf(alice)).toBe(status);
  });

  it.each([["try", 200], ["require", 495]])("that is not there, with %s: %i", async (mode, status) => {
    const alice = await issue("alice");
    await startGateway(mode);
    expect(await statusOf(alice)).toBe(status);
    expect(gateway.linesOf("revocation of a client certificate is not known")).toHaveLength(1);
  });
});
