import type { AuditSubject } from "../../lib/observe/audit.ts";

/** Somebody who asks for a tunnel. */
export const SUBJECT: AuditSubject = {
  requestId: "req-1",
  method: "CONNECT",
  host: "redis.example.com:6379",
  ip: "192.0.2.7",
  routeId: "0123456789abcdef",
  routeName: "redis",
  sessionId: "s-1",
  userId: "u-1",
  email: "ann@example.com",
  clientCertificate: null,
};
