// deno-lint-ignore-file no-console -- speaks to the program that started it

/** A TCP echo as a program of its own: prints its port, and ends when its standard input does. */
import { denoStream } from "../../lib/base/deno_stream.ts";
import { pump } from "../../lib/base/pump.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
void Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.exit());
for await (const conn of listener) {
  conn.setNoDelay(true);
  const stream = denoStream(conn);
  pump(stream, stream).catch(() => {}).finally(() => stream.close());
}
