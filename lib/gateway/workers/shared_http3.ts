import type { Http3ListenerOptions } from "../http3_listener.ts";
import type { WorkerPlace } from "./worker_place.ts";

const HTTP3 = "http3";

/**
 * Two processes cannot have one port of QUIC: the first worker serves HTTP/3, and says so to the others.
 *
 * @param held ends it
 */
export function sharedHttp3(
  { number, link }: WorkerPlace,
  held: { use(resource: Disposable): void },
): Pick<Http3ListenerOptions, "elsewhere" | "onChange"> {
  if (number === 1) return { onChange: (isServed) => link.post(HTTP3, isServed) };
  let isServed = false;
  held.use(link.follow(({ key, value }) => {
    if (key === HTTP3) isServed = value === true;
  }));
  return { elsewhere: { isServed: () => isServed } };
}
