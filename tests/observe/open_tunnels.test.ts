import { describe, expect, it } from "vitest";
import { jsonAuditTrail } from "../../lib/observe/audit.ts";
import { OpenTunnels } from "../../lib/observe/open_tunnels.ts";
import { SUBJECT as subject } from "./_subject.ts";

const outcome = { allow: { value: true, reasons: ["email-ok"] }, deny: { value: false, reasons: [] } };
const opened = { ...subject, ...outcome, opened: true, status: 200, error: null, upstream: "10.0.0.1:6379" };
const end = {
  reason: "completed",
  detail: null,
  bytesUp: 1,
  bytesDown: 2,
  durationMs: 3,
  upstream: "10.0.0.1:6379",
};

/** What is open according to a trail that these calls have written, one second ago. */
function noted(...entries: readonly ((trail: ReturnType<typeof jsonAuditTrail>) => void)[]): OpenTunnels {
  const open = new OpenTunnels();
  const trail = jsonAuditTrail({ sink: (line) => open.note(`${line}\n`), now: () => 1000 });
  for (const entry of entries) entry(trail);
  return open;
}

const linesOf = (open: OpenTunnels) =>
  open.endLines("worker-ended", 2000).map((line) => JSON.parse(line) as Record<string, unknown>);

describe("OpenTunnels", () => {
  it("ends what was opened as the trail would, without what is not known", () => {
    const open = noted((trail) => trail.decided(opened));
    expect(open.list()).toEqual([{ id: "req-1", sessionId: "s-1" }]);
    expect(linesOf(open)).toEqual([{
      level: "info",
      time: "1970-01-01T00:00:02.000Z",
      message: "tunnel ended",
      service: "authorize",
      "request-id": "req-1",
      method: "CONNECT",
      host: "redis.example.com:6379",
      ip: "192.0.2.7",
      "route-id": "0123456789abcdef",
      route: "redis",
      "session-id": "s-1",
      user: "u-1",
      email: "ann@example.com",
      reason: "worker-ended",
      duration: 1000,
      upstream: "10.0.0.1:6379",
    }]);
  });

  it("knows what has ended", () => {
    const open = noted((trail) => trail.decided(opened), (trail) => trail.ended({ ...subject, ...end }));
    expect(open.list()).toEqual([]);
  });

  it("reads many lines at once, in their order", () => {
    const lines: string[] = [];
    const trail = jsonAuditTrail({ sink: (line) => lines.push(`${line}\n`), now: () => 1000 });
    trail.decided({ ...opened, method: "GET", path: "/", status: 200 });
    trail.decided(opened);
    trail.ended({ ...subject, ...end });
    trail.decided(opened);
    trail.decided({ ...opened, requestId: "req-2" });
    const open = new OpenTunnels();
    open.note(lines.join(""));
    expect(open.list().map(({ id }) => id)).toEqual(["req-1", "req-2"]);
    open.note(lines[2]!);
    expect(open.list().map(({ id }) => id)).toEqual(["req-2"]);
  });

  it("tells several of one request apart, and does not mind those that were refused", () => {
    const other = { ...opened, host: "mail.example.com:25", sessionId: null };
    const open = noted(
      (trail) => trail.decided(opened),
      (trail) => trail.decided(other),
      (trail) => trail.decided({ ...opened, requestId: "req-2", opened: false, status: 403 }),
      (trail) => trail.ended({ ...subject, ...end }),
    );
    expect(open.list()).toEqual([{ id: "req-1", sessionId: null }]);
  });

  it.each([[101, 1], [200, 0]])(
    "takes an HTTP request that was answered with %i for %i tunnel",
    (status, count) => {
      const request = { ...opened, method: "GET", path: "/ws", status };
      const open = noted((trail) => trail.decided(request));
      expect(open.list()).toHaveLength(count);
      if (count === 1) expect(linesOf(open)).toMatchObject([{ message: "request ended", path: "/ws" }]);
    },
  );

  it.each(["", "no JSON", '{"message":"tunnel opened"', '"\\"message\\":\\"tunnel opened\\""'])(
    "passes over %j",
    (line) => {
      const open = new OpenTunnels();
      open.note(`${line}\n`);
      expect(open.list()).toEqual([]);
    },
  );
});
