import http, { type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP/1.1 service on loopback that somebody else's code runs. */
export class HttpService implements AsyncDisposable {
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(listener: RequestListener): Promise<HttpService> {
    const server = http.createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new HttpService(server);
  }

  /** As in `to`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** What a service was asked. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Answers with what it was asked, as JSON. */
export const echoRequest: RequestListener = async (incoming, outgoing) => {
  const body = await textOf(incoming);
  const { method = "", url = "", rawHeaders: headers } = incoming;
  outgoing.writeHead(200, { "content-type": "application/json", "x-service": "yes" });
  outgoing.end(JSON.stringify({ method, url, headers, body } satisfies SeenRequest));
};

/** All of a body. */
export async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return new TextDecoder().decode(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
