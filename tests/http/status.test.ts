import http from "node:http";
import { describe, expect, it } from "vitest";
import { STATUS } from "../../lib/http/status.ts";

/** The error types that RFC 9209 section 2.3 registers. */
const PROXY_ERRORS = new Set([
  "dns_timeout",
  "dns_error",
  "destination_not_found",
  "destination_unavailable",
  "destination_ip_prohibited",
  "destination_ip_unroutable",
  "connection_refused",
  "connection_terminated",
  "connection_timeout",
  "connection_read_timeout",
  "connection_write_timeout",
  "connection_limit_reached",
  "tls_protocol_error",
  "tls_certificate_error",
  "tls_alert_received",
  "http_request_error",
  "http_request_denied",
  "http_response_incomplete",
  "http_response_header_section_size",
  "http_response_header_size",
  "http_response_body_size",
  "http_response_trailer_section_size",
  "http_response_trailer_size",
  "http_response_transfer_coding",
  "http_response_content_coding",
  "http_response_timeout",
  "http_upgrade_failed",
  "http_protocol_error",
  "proxy_internal_response",
  "proxy_internal_error",
  "proxy_configuration_error",
  "proxy_loop_detected",
]);

const rows = Object.entries(STATUS);

describe("STATUS", () => {
  it.each(rows)("has for %s a status, a registered proxy error, and a sentence for a person", (_, row) => {
    // 450 and 495 are registered nowhere; clients of this kind of gateway know them.
    const known = { ...http.STATUS_CODES, 450: "", 495: "" };
    expect(known).toHaveProperty(String(row.status));
    expect(PROXY_ERRORS).toContain(row.proxyError);
    expect(row.title).toMatch(/^[A-Z].*\.$/);
  });

  it.each([
    ["dial/", 503],
    ["authority/", 400],
  ])("answers every %s… with %d", (room, status) => {
    const answers = rows.filter(([code]) => code.startsWith(room)).map(([, row]) => row.status);
    expect(answers.length).toBeGreaterThan(0);
    expect(new Set(answers)).toEqual(new Set([status]));
  });
});
