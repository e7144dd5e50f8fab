import { request } from "node:http";

/** A question on a control socket. */
export interface SocketRequest {
  /** Default `GET`. */
  readonly method?: "GET" | "POST" | "DELETE";
  /** Such as `/status`. */
  readonly path: string;
  /** Default none. */
  readonly body?: string;
  /** Gives up; default: waits for ever. */
  readonly signal?: AbortSignal;
}

/** What was answered. */
export interface SocketAnswer {
  /** Of HTTP. */
  readonly status: number;
  /** The whole of it. */
  readonly text: string;
}

/**
 * Asks a program on its control socket.
 *
 * @param socketPath the Unix socket @returns its answer; rejects when nobody answers there
 */
export function askSocket(
  socketPath: string,
  { method = "GET", path, body = "", signal }: SocketRequest,
): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { host: "control", "content-length": String(new TextEncoder().encode(body).length) };
    const options = { socketPath, method, path, headers, ...(signal === undefined ? {} : { signal }) };
    const asking = request(options, (response) => {
      const parts: string[] = [];
      response.setEncoding("utf8").on("data", (part: string) => parts.push(part)).on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: parts.join("") }));
    });
    asking.on("error", reject);
    asking.end(body);
  });
}
