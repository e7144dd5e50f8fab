import { Buffer } from "node:buffer";
import { Server, ServerCredentials } from "@grpc/grpc-js";

/** A gRPC server that says how services are. */
export interface GrpcHealth extends Disposable {
  /** On loopback. */
  readonly port: number;
  /** The names that were asked for, in order. */
  readonly asked: string[];
}

/** Starts the service of grpc.health.v1, with a status for each name; others are unknown to it. */
export async function serveGrpcHealth(statuses: Readonly<Record<string, number>>): Promise<GrpcHealth> {
  const asked: string[] = [];
  const server = new Server();
  const identity = (bytes: Uint8Array) => bytes as never;
  server.addService({
    Check: {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestDeserialize: identity,
      requestSerialize: identity,
      responseDeserialize: identity,
      responseSerialize: identity,
    },
  }, {
    Check(call: { request: Uint8Array }, answer: (error: unknown, message?: Uint8Array) => void) {
      const name = new TextDecoder().decode(call.request.subarray(2));
      asked.push(name);
      const status = statuses[name];
      if (status === undefined) answer({ code: 5, details: "unknown service" });
      else answer(null, Buffer.from(status === 0 ? [] : [0x08, status]));
    },
  } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    })
  );
  return { port, asked, [Symbol.dispose]: () => server.forceShutdown() };
}
