import type { HttpFigures } from "../edge.ts";
import { counters } from "./counters.ts";

/** What clients of HTTP/1.1 and HTTP/2 did wrong, in the text format of Prometheus. */
export function httpMetrics(figures: HttpFigures): string {
  return counters("sallyport_http_broken_total", {
    help:
      "Heads of requests that were refused; connections of HTTP/2 that failed, and streams that were reset.",
    label: "kind",
    values: {
      "malformed-head": figures.malformedHeads,
      "long-head": figures.longHeads,
      "http2-session": figures.failedSessions,
      "http2-reset": figures.resetStreams,
    },
  });
}
