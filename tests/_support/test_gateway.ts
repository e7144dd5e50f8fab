import { loadConfig } from "../../lib/config/load_config.ts";
import { type Gateway, startGateway } from "../../lib/gateway/start_gateway.ts";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import type { Clock } from "../../lib/base/clock.ts";
import { jsonAuditTrail } from "../../lib/observe/audit.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { FormBrowser } from "./form_browser.ts";
import { until } from "./until.ts";

export { until };

/** A password for every test user. */
export const PASSWORD = "correct horse battery staple";

/** A line of the log or the audit trail. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A real gateway on loopback, from a configuration text, with its log at hand. */
export class TestGateway implements AsyncDisposable {
  readonly folder: string;
  readonly caPem: string;
  readonly gateway: Gateway;
  /** Every line of the log and the trail, read. */
  readonly lines: LogLine[];
  /** The same lines as they were written. */
  readonly written: string[];

  constructor(
    parts: { folder: string; caPem: string; gateway: Gateway; lines: LogLine[]; written: string[] },
  ) {
    this.folder = parts.folder;
    this.caPem = parts.caPem;
    this.gateway = parts.gateway;
    this.lines = parts.lines;
    this.written = parts.written;
  }

  get port(): number {
    return this.gateway.address.port;
  }

  get url(): string {
    return `https://localhost:${this.port}`;
  }

  get caFile(): string {
    return `${this.folder}/state/ca.pem`;
  }

  /** Adds a user. */
  async addUser(name: string, options: { email?: string; groups?: readonly string[] } = {}): Promise<void> {
    await this.gateway.users.add({ name, password: PASSWORD, ...options });
  }

  /** The session token of a user, by the way a program gets one. */
  async token(name: string): Promise<string> {
    using browser = new FormBrowser({ caPem: this.caPem });
    return await programmaticToken(this, browser, name);
  }

  /** The lines with this message. */
  linesOf(message: string): LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  /** Waits for the n-th line with this message. */
  async line(message: string, n = 1): Promise<LogLine> {
    return await until(() => this.linesOf(message)[n - 1]);
  }

  /** A TLS connection to the gateway that speaks HTTP/1.1. */
  async dial(): Promise<Deno.TlsConn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    conn.setNoDelay(true);
    const tls = await Deno.startTls(conn, {
      hostname: "localhost",
      caCerts: [this.caPem],
      alpnProtocols: ["http/1.1"],
    });
    await tls.handshake();
    return tls;
  }

  /** Sends a CONNECT as it is written here, and reads the answer. */
  async connect(
    target: string,
    options: { headers?: Readonly<Record<string, string>>; token?: string } = {},
  ): Promise<ConnectAnswer> {
    const conn = await this.dial();
    const headers: Record<string, string> = { host: target, ...options.headers };
    if (options.token !== undefined) headers.authorization = `Pomerium ${options.token}`;
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const stream = denoStream(conn);
    await stream.write(utf8(`CONNECT ${target} HTTP/1.1\r\n${fields}\r\n`));
    return await readAnswer(stream);
  }

  /** Puts another configuration in the place of the file, as an editor does. */
  async writeConfig(config: string, options: { hostname?: string; port?: number } = {}): Promise<void> {
    const file = `${this.folder}/routes.yaml`;
    await Deno.writeTextFile(
      `${file}.new`,
      `address: ${options.hostname ?? "127.0.0.1"}:${options.port ?? 0}\n${config}`,
    );
    await Deno.rename(`${file}.new`, file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What came back on a CONNECT. With 200 the stream is the tunnel. */
export interface ConnectAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly stream: ByteStream;
}

/**
 * Starts a gateway.
 *
 * @param config YAML; `address` is added
 * @param options `port`: default any free one; `folder`: of an earlier gateway, which goes on with its state
 */
export async function startTestGateway(
  config: string,
  options: { clock?: Clock; folder?: string; port?: number } = {},
): Promise<TestGateway> {
  const folder = options.folder ?? await Deno.makeTempDir({ prefix: "sallyport-test-" });
  const file = `${folder}/routes.yaml`;
  await Deno.writeTextFile(file, `address: 127.0.0.1:${options.port ?? 0}\n${config}`);
  const source = { file, readTextFile: (path: string) => Deno.readTextFile(path) };
  const loaded = await loadConfig(source);
  if (loaded.config === null) throw new Error(loaded.complaints.map((c) => c.message).join("\n"));
  const lines: LogLine[] = [];
  const written: string[] = [];
  const sink = (line: string) => {
    written.push(line);
    lines.push(JSON.parse(line));
  };
  const output = { sink, now: () => Date.now() };
  const gateway = await startGateway({
    config: loaded.config,
    source: { ...source, files: loaded.files },
    stateDirectory: `${folder}/state`,
    log: jsonLog({ level: "debug", ...output }),
    audit: jsonAuditTrail(output),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const caPem = gateway.authorityFile === null ? "" : await Deno.readTextFile(gateway.authorityFile);
  return new TestGateway({ folder, caPem, gateway, lines, written });
}

/** Goes through the sign-in chain as a program does: asks for the address, lets a browser sign in, catches the token. */
export async function programmaticToken(
  gateway: TestGateway,
  browser: FormBrowser,
  name: string,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    resolve(new URL(request.url).searchParams.get("pomerium_jwt") ?? "");
    return new Response("signed in");
  });
  const redirect = encodeURIComponent(`http://127.0.0.1:${server.addr.port}/done`);
  const login = `${gateway.url}/.pomerium/api/v1/login?pomerium_redirect_uri=${redirect}`;
  const response = await browser.request(login);
  const end = await browser.signIn(await response.text(), { name, password: PASSWORD });
  if (end.text !== "signed in") throw new Error(`sign-in ended with ${end.response.status} ${end.text}`);
  return await promise;
}

/** Reads everything until the peer ends. */
export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    parts.push(buffer.slice(0, count));
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Reads until `bytes` bytes have come. */
export async function readExactly(stream: ByteStream, bytes: number): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(bytes);
  while (text.length < bytes) {
    const count = await stream.read(buffer.subarray(0, bytes - text.length));
    if (count === null) throw new Error(`ended after ${JSON.stringify(text)}`);
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

/** Open descriptors of this process, for finding leaks. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Reads the head of an answer. */
export async function readAnswer(stream: ByteStream): Promise<ConnectAnswer> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (await stream.read(byte) === null) throw new Error(`no answer: ${JSON.stringify(head)}`);
    head += String.fromCharCode(byte[0]!);
  }
  const [status = "", ...fields] = head.trimEnd().split("\r\n");
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/).slice(0, 2) as [string, string]));
  return { status: Number(status.split(" ")[1]), headers, stream };
}
