import type { Http3Figures } from "../http3_edge.ts";
import { counters } from "./counters.ts";

/** Figures of HTTP/3 in the text format of Prometheus. */
export function http3Metrics({ requests, refused, droppedDatagrams, closed }: Http3Figures): string {
  return counters("sallyport_http3_requests_total", {
    help: "Requests that came over HTTP/3, those without a valid head not counted.",
    label: "version",
    values: { "3": requests },
  }) +
    counters("sallyport_http3_requests_refused_total", {
      help: "Requests over HTTP/3 whose head was refused.",
      label: "status",
      values: refused,
    }) +
    counters("sallyport_http3_datagrams_dropped_total", {
      help: "Datagrams that belonged to no request, or came when there was no room.",
      label: "version",
      values: { "3": droppedDatagrams },
    }) +
    counters("sallyport_http3_connections_closed_total", {
      help: "Connections that have ended, by the error code of HTTP/3 that said why.",
      label: "code",
      values: closed,
    });
}
