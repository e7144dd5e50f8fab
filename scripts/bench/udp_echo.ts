// deno-lint-ignore-file no-console -- speaks to the program that started it

/** The UDP service of a benchmark, as a program of its own: prints its port, and sends back what it gets. */
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
socket.on("message", (payload, { port, address }) => socket.send(payload, port, address));
socket.bind(0, "127.0.0.1", () => console.log(socket.address().port));
for await (const _ of Deno.stdin.readable);
Deno.exit();
