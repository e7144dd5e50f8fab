import { afterAll, beforeAll, describe, expect, it } from "vitest";
import grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, run, type RunningProgram, sha256, start } from "../_support/programs.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { PUBLIC, SIGNED_IN } from "../gateway/_http_route.ts";

const hasCurl = requirePeer("curl");
const hasNginx = requirePeer("nginx") && hasCurl;
const hasOpenssl = requirePeer("openssl");

/** Bytes as they are. */
const raw = (bytes: Buffer) => bytes;
/** A service whose messages are bytes. */
const ECHO = {
  one: method("one", { requestStream: false, responseStream: false }),
  many: method("many", { requestStream: true, responseStream: true }),
};

function method(name: string, streams: { requestStream: boolean; responseStream: boolean }) {
  return {
    path: `/test.Echo/${name}`,
    ...streams,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  };
}

type Unary = grpc.handleUnaryCall<Buffer, Buffer>;
type Bidi = grpc.handleBidiStreamingCall<Buffer, Buffer>;

async function grpcServer(): Promise<{ server: grpc.Server; port: number }> {
  const server = new grpc.Server();
  const one: Unary = (call, done) => {
    if (call.request.toString() === "fail") {
      done({ code: grpc.status.FAILED_PRECONDITION, details: "not now" });
      return;
    }
    const trailer = new grpc.Metadata();
    trailer.set("x-trailer", "t");
    done(null, call.request, trailer);
  };
  const many: Bidi = (call) => {
    call.on("data", (message: Buffer) => {
      if (String(message) === "stop") call.emit("error", { code: grpc.status.ABORTED, details: "enough" });
      else call.write(Buffer.from(`echo ${message}`));
    });
    call.on("end", () => call.end());
  };
  server.addService(ECHO, { one, many });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => error ? reject(error) : resolve(port));
  });
  return { server, port };
}

function grpcClient(gateway: TestGateway, host: string) {
  const Client = grpc.makeGenericClientConstructor(ECHO, "Echo");
  const credentials = grpc.credentials.createSsl(Buffer.from(gateway.caPem));
  return new Client(`127.0.0.1:${gateway.port}`, credentials, {
    "grpc.ssl_target_name_override": "localhost",
    "grpc.default_authority": host,
  }) as unknown as grpc.Client & {
    one(
      message: Buffer,
      metadata: grpc.Metadata,
      done: (error: grpc.ServiceError | null, answer?: Buffer) => void,
    ): grpc.ClientUnaryCall;
    many(metadata?: grpc.Metadata): grpc.ClientDuplexStream<Buffer, Buffer>;
  };
}

describe("gRPC, as Google wrote it, on both ends", () => {
  let server: grpc.Server;
  let gateway: TestGateway;
  let client: ReturnType<typeof grpcClient>;
  let shut: ReturnType<typeof grpcClient>;

  beforeAll(async () => {
    const started = await grpcServer();
    server = started.server;
    gateway = await startTestGateway(
      `routes:\n  - from: https://grpc.test\n    to: h2c://127.0.0.1:${started.port}\n    ${PUBLIC}\n` +
        `  - from: https://shut.test\n    to: h2c://127.0.0.1:${started.port}\n    ${SIGNED_IN}\n` +
        `  - from: https://down.test\n    to: h2c://127.0.0.1:1\n    ${PUBLIC}\n`,
    );
    client = grpcClient(gateway, "grpc.test");
    shut = grpcClient(gateway, "shut.test");
  });
  afterAll(async () => {
    client.close();
    shut.close();
    await gateway[Symbol.asyncDispose]();
    server.forceShutdown();
  });

  const call = (to: typeof client, text: string) => {
    const { promise, resolve } = Promise.withResolvers<{ answer: string; code: number; details: string }>();
    let trailers: grpc.Metadata | null = null;
    const running = to.one(Buffer.from(text), new grpc.Metadata(), (error, answer) => {
      const code = error?.code ?? 0;
      setTimeout(() =>
        resolve({ answer: String(answer ?? ""), code, details: error?.details ?? "", trailers } as never)
      );
    });
    running.on("status", ({ metadata }) => (trailers = metadata));
    return promise as Promise<{ answer: string; code: number; details: string; trailers: grpc.Metadata }>;
  };

  it("calls once, and gets trailers", async () => {
    const { answer, code, trailers } = await call(client, "hello");
    expect({ answer, code }).toEqual({ answer: "hello", code: 0 });
    expect(trailers.get("x-trailer")).toEqual(["t"]);
  });

  it("hears of an error", async () => {
    const { code, details } = await call(client, "fail");
    expect({ code, details }).toEqual({ code: grpc.status.FAILED_PRECONDITION, details: "not now" });
  });

  it("streams both ways at once", async () => {
    const stream = client.many();
    const heard: string[] = [];
    const over = new Promise<void>((resolve, reject) => {
      stream.on("error", reject);
      stream.on("end", resolve);
    });
    stream.on("data", (message: Buffer) => {
      heard.push(String(message));
      if (heard.length < 20) stream.write(Buffer.from(String(heard.length)));
      else stream.end();
    });
    stream.write(Buffer.from("0"));
    await over;
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => `echo ${i}`));
  });

  it("hears of an error while it is still speaking", async () => {
    const stream = client.many();
    const { promise, resolve } = Promise.withResolvers<grpc.ServiceError>();
    stream.on("error", (error: grpc.ServiceError) => resolve(error));
    stream.on("data", () => stream.write(Buffer.from("stop")));
    stream.write(Buffer.from("hello"));
    expect(await promise).toMatchObject({ code: grpc.status.ABORTED, details: "enough" });
  });

  it("carries many calls at once", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => call(client, `call ${i}`)));
    expect(answers.map(({ answer }) => answer)).toEqual(Array.from({ length: 50 }, (_, i) => `call ${i}`));
  });

  it("is told in its own words that nobody has signed in, or that nothing answers", async () => {
    expect((await call(shut, "hello")).code).toBe(grpc.status.UNAUTHENTICATED);
    const down = grpcClient(gateway, "down.test");
    expect((await call(down, "hello")).code).toBe(grpc.status.UNAVAILABLE);
    down.close();
  });
});

describe.skipIf(!hasNginx || !hasOpenssl)("nginx behind, curl in front", () => {
  const FILE = crypto.getRandomValues(new Uint8Array(65536));
  let folder: string;
  let nginx: RunningProgram;
  let gateway: TestGateway;

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const [plain, tls, h2c] = [freePort(), freePort(), freePort()];
    await Deno.mkdir(`${folder}/www`);
    await Deno.chmod(folder, 0o755);
    await Deno.writeFile(`${folder}/www/file`, FILE);
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    await run(["openssl", [
      ...["req", "-x509", ...key, ...subject],
      ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
    ]]);
    await Deno.writeTextFile(`${folder}/nginx.conf`, nginxConfig(folder, { plain, tls, h2c }));
    nginx = start(["nginx", ["-c", `${folder}/nginx.conf`, "-g", "daemon off;"]]);
    await listening(plain);
    gateway = await startTestGateway(
      `routes:\n  - from: https://plain.test\n    to: http://127.0.0.1:${plain}\n    ${PUBLIC}\n` +
        `  - from: https://h2c.test\n    to: h2c://127.0.0.1:${h2c}\n    ${PUBLIC}\n` +
        `  - from: https://tls.test\n    to: https://localhost:${tls}\n    tls_custom_ca_file: ${folder}/cert.pem\n    ${PUBLIC}\n`,
    );
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await nginx[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  });

  const curl = (host: string, path: string, ...args: string[]) =>
    run(["curl", [
      ...["--silent", "--show-error", "--cacert", gateway.caFile, "--max-time", "30"],
      ...[
        "--connect-to",
        `${host}:443:localhost:${gateway.port}`,
        "--resolve",
        `localhost:${gateway.port}:127.0.0.1`,
      ],
      ...["--insecure", ...args, `https://${host}${path}`],
    ]]);

  it.each([
    ["plain.test", "--http1.1"],
    ["plain.test", "--http2"],
    ["tls.test", "--http1.1"],
    ["tls.test", "--http2"],
    ["h2c.test", "--http1.1"],
    ["h2c.test", "--http2"],
  ])("%s serves a file over %s", async (host, version) => {
    const { code, stdout, stderr } = await curl(host, "/file", version);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await sha256(new Uint8Array(stdout))).toBe(await sha256(FILE));
  });

  it.each(["--http1.1", "--http2"])(
    "a part of it, and nothing when it has not changed, over %s",
    async (version) => {
      const part = await curl("plain.test", "/file", version, "--range", "100-199");
      expect(new Uint8Array(part.stdout)).toEqual(FILE.slice(100, 200));
      const head = new TextDecoder().decode((await curl("plain.test", "/file", version, "--head")).stdout);
      expect(head).toMatch(/content-length: 65536/i);
      const etag = /etag: (\S+)/i.exec(head)![1]!;
      const unchanged = await curl(
        ...[
          "plain.test",
          "/file",
          version,
          "--write-out",
          "%{http_code}",
          "--header",
          `If-None-Match: ${etag}`,
        ] as const,
      );
      expect(new TextDecoder().decode(unchanged.stdout)).toBe("304");
    },
  );

  it("goes on when it says farewell on an HTTP/2 connection, every third request here", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => curl("h2c.test", "/file", "--http2")));
    for (const { code, stdout } of answers) expect([code, stdout.length]).toEqual([0, FILE.length]);
    for (let i = 0; i < 8; i++) {
      expect((await curl("h2c.test", "/file", "--http2")).stdout).toHaveLength(FILE.length);
    }
  });

  it.each(["--http1.1", "--http2"])("an upload of 30 MB over %s", async (version) => {
    const file = `${folder}/upload`;
    await Deno.writeFile(file, new Uint8Array(30 * 1024 * 1024));
    const { code, stdout } = await curl(
      ...[
        "plain.test",
        "/discard",
        version,
        "--data-binary",
        `@${file}`,
        "--write-out",
        "%{http_code}",
      ] as const,
    );
    expect([code, new TextDecoder().decode(stdout)]).toEqual([0, "204"]);
  });
});

function nginxConfig(
  folder: string,
  { plain, tls, h2c }: { plain: number; tls: number; h2c: number },
): string {
  const places = `
    root ${folder}/www;
    location = /discard { client_max_body_size 0; proxy_pass http://127.0.0.1:${plain}/sink; proxy_request_buffering off; }
    location = /sink { client_max_body_size 0; return 204; }
    location = /file { }`;
  return `
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
user root;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${plain}; ${places} }
  server { listen 127.0.0.1:${h2c} http2; keepalive_requests 3; ${places} }
  server {
    listen 127.0.0.1:${tls} ssl http2;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    ${places}
  }
}
`;
}
