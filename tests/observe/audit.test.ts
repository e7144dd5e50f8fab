import { describe, expect, it } from "vitest";
import {
  type AuditDecision,
  type AuditSubject,
  type AuditTrail,
  jsonAuditTrail,
} from "../../lib/observe/audit.ts";
import { SUBJECT as subject } from "./_subject.ts";

const stranger: AuditSubject = {
  ...subject,
  routeId: null,
  routeName: null,
  sessionId: null,
  userId: null,
  email: null,
};
const opened: AuditDecision = {
  ...subject,
  opened: true,
  status: 200,
  error: null,
  allow: { value: true, reasons: ["email-ok"] },
  deny: { value: false, reasons: [] },
  upstream: "10.0.0.1:6379",
};

function written(act: (trail: AuditTrail) => void): Record<string, unknown> {
  const lines: string[] = [];
  act(jsonAuditTrail({ sink: (line) => lines.push(line), now: () => Date.UTC(2026, 0, 2) }));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!);
}

const HEAD = { level: "info", time: "2026-01-02T00:00:00.000Z" };
const SUBJECT = {
  service: "authorize",
  "request-id": "req-1",
  method: "CONNECT",
  host: "redis.example.com:6379",
  ip: "192.0.2.7",
};
const KNOWN = {
  ...SUBJECT,
  "route-id": "0123456789abcdef",
  route: "redis",
  "session-id": "s-1",
  user: "u-1",
  email: "ann@example.com",
};

describe("jsonAuditTrail()", () => {
  it("notes a tunnel that opened", () => {
    expect(written((trail) => trail.decided(opened))).toEqual({
      ...HEAD,
      message: "tunnel opened",
      ...KNOWN,
      allow: true,
      "allow-why-true": ["email-ok"],
      deny: false,
      "deny-why-false": [],
      "response-code": 200,
      upstream: "10.0.0.1:6379",
    });
  });

  it("notes a refusal by the policy, with both outcomes", () => {
    const refused: AuditDecision = {
      ...opened,
      opened: false,
      status: 403,
      error: "http/denied",
      allow: { value: false, reasons: ["email-unauthorized"] },
      deny: { value: true, reasons: ["reject"] },
      upstream: null,
    };
    expect(written((trail) => trail.decided(refused))).toEqual({
      ...HEAD,
      message: "tunnel refused",
      ...KNOWN,
      allow: false,
      "allow-why-false": ["email-unauthorized"],
      deny: true,
      "deny-why-true": ["reject"],
      "response-code": 403,
      error: "http/denied",
    });
  });

  it("leaves out what is not known when no policy was asked", () => {
    const refused: AuditDecision = {
      ...stranger,
      opened: false,
      status: 404,
      error: "http/no-route",
      allow: null,
      deny: null,
      upstream: null,
    };
    expect(written((trail) => trail.decided(refused))).toEqual({
      ...HEAD,
      message: "tunnel refused",
      ...SUBJECT,
      "response-code": 404,
      error: "http/no-route",
    });
  });

  it("notes the end of a tunnel", () => {
    const end = {
      reason: "idle-timeout",
      detail: null,
      bytesUp: 1,
      bytesDown: 0,
      durationMs: 2000,
      upstream: "10.0.0.1:6379",
    };
    expect(written((trail) => trail.ended({ ...subject, ...end }))).toEqual({
      ...HEAD,
      message: "tunnel ended",
      ...KNOWN,
      reason: "idle-timeout",
      "bytes-up": 1,
      "bytes-down": 0,
      duration: 2000,
      upstream: "10.0.0.1:6379",
    });
  });

  it.each([
    [{}, undefined],
    [{ congested: 0, stranger: 0 }, undefined],
    [{ congested: 3, stranger: 0, "rate-limit": 1 }, { congested: 3, "rate-limit": 1 }],
  ])("notes what a tunnel of datagrams moved and lost: %j", (dropped, noted) => {
    const end = {
      reason: "completed",
      detail: null,
      bytesUp: 9,
      bytesDown: 8,
      durationMs: 1,
      upstream: "a:1",
    };
    const line = written((trail) =>
      trail.ended({ ...subject, ...end, datagrams: { up: 7, down: 6, dropped } })
    );
    expect(line).toMatchObject({ "bytes-up": 9, "packets-up": 7, "packets-down": 6 });
    expect(line.dropped).toEqual(noted);
  });

  it.each(
    [
      ["signed-in", "signed in"],
      ["sign-in-refused", "sign in refused"],
      ["sign-in-limited", "sign in limited"],
      ["signed-out", "signed out"],
    ] as const,
  )("notes %s", (event, message) => {
    const who = { requestId: "req-1", ip: "192.0.2.7", userName: "ann", userId: "u-1", sessionId: "s-1" };
    expect(written((trail) => trail.signIn({ event, ...who }))).toEqual({
      ...HEAD,
      message,
      service: "authenticate",
      "request-id": "req-1",
      ip: "192.0.2.7",
      "user-name": "ann",
      user: "u-1",
      "session-id": "s-1",
    });
  });

  it("says what brought the end about, where that is known", () => {
    const end = { bytesUp: 0, bytesDown: 0, durationMs: 1, upstream: "10.0.0.1:6379" };
    const entry = { ...subject, ...end, reason: "no-longer-allowed", detail: "email-unauthorized" };
    expect(written((trail) => trail.ended(entry))).toMatchObject({
      reason: "no-longer-allowed",
      detail: "email-unauthorized",
    });
  });

  it("notes a recording, and what its end is sealed with", () => {
    const who = {
      requestId: "req-1",
      ip: "192.0.2.7",
      sessionId: "s-1",
      userId: "u-1",
      email: "ann@example.com",
    };
    const what = { file: "20260102T030405Z-x.cast", routeId: "0123456789abcdef", routeName: "prod" };
    const seal = { lines: 12, chain: "ab".repeat(32) };
    expect(written((trail) => trail.recording({ ...who, ...what, event: "recording-ended", seal }))).toEqual({
      ...HEAD,
      message: "recording ended",
      service: "ssh",
      "request-id": "req-1",
      ip: "192.0.2.7",
      "route-id": "0123456789abcdef",
      route: "prod",
      "session-id": "s-1",
      user: "u-1",
      email: "ann@example.com",
      recording: "20260102T030405Z-x.cast",
      lines: 12,
      chain: "ab".repeat(32),
    });
  });

  it("leaves out the user and session of a refused attempt", () => {
    const attempt = { requestId: "req-1", ip: "192.0.2.7", userName: null, userId: null, sessionId: null };
    expect(written((trail) => trail.signIn({ event: "sign-in-refused", ...attempt }))).toEqual({
      ...HEAD,
      message: "sign in refused",
      service: "authenticate",
      "request-id": "req-1",
      ip: "192.0.2.7",
    });
  });
});
