import { address, count, limited } from "./_global_types.ts";
import type { ListenerCodecs } from "./config.ts";
import { type KeyTable, optional, served, type Values } from "./key_table.ts";
import { oneOf } from "./value_types.ts";

/** The keys that say which versions of HTTP are spoken where. */
export const codecKeys = {
  codec_type: served({
    type: oneOf<ListenerCodecs["type"]>({ auto: "auto", http1: "http1", http2: "http2", http3: "http3" }),
    absent: "auto",
    description:
      "Versions of HTTP: `auto`, all of them, HTTP/3 where it is possible; `http3`, all of them, or no start; `http1` or `http2`, that one.",
  }),
  http3_address: optional({
    type: address,
    description: "Where the gateway listens for HTTP/3 (UDP). Without it: where it listens for the others.",
  }),
  http3_advertise_port: optional({
    type: limited(
      count,
      (port) =>
        port >= 1 && port <= 65535
          ? null
          : { message: `must be a port from 1 to 65535: found ${port}`, hint: "as in 443" },
    ),
    description: "The port of HTTP/3 that clients are told, when it is not the one that it listens on.",
  }),
} satisfies KeyTable;

/** What these keys say. */
export function readCodecs(values: Values<typeof codecKeys>): ListenerCodecs {
  return Object.freeze({
    type: values.codec_type,
    http3Address: values.http3_address === null ? null : Object.freeze(values.http3_address),
    http3AdvertisePort: values.http3_advertise_port,
  });
}
