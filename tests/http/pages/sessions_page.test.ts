import { describe, expect, it } from "vitest";
import { type SessionCard, SessionsPage } from "../../../lib/http/pages/sessions_page.tsx";
import { attributesOf, elementsOf, MARKUP, textOf } from "./_markup.ts";

const NAV = { here: "sessions", userName: "Ann", hasRoutes: true } as const;

function card(overrides: Partial<SessionCard> = {}): SessionCard {
  return {
    id: "session-1",
    program: "Firefox on Linux",
    address: "192.0.2.7",
    createdAt: Date.UTC(2026, 10, 20, 14, 5),
    expiresAt: Date.UTC(2026, 10, 21, 4, 5),
    tunnels: 0,
    isOwn: false,
    ...overrides,
  };
}

function render(sessions: readonly SessionCard[], options: { more?: number; csrf?: string } = {}): string {
  return String(
    SessionsPage({ nav: NAV, sessions, keys: [], more: options.more ?? 0, csrf: options.csrf ?? "token" }),
  );
}

describe("SessionsPage()", () => {
  it.each(MARKUP)("shows %s as it is, wherever it stands", (text) => {
    const harmless = render([card()]);
    const html = render([card({ id: text, program: text, address: text })], { csrf: text });
    expect(elementsOf(html)).toEqual(elementsOf(harmless));
    expect(attributesOf(html)).toEqual(attributesOf(harmless));
    expect(textOf(html).split(text.replaceAll(/\s+/g, " "))).toHaveLength(3);
  });

  it("says since when, from where, until when, and how many tunnels", () => {
    const text = textOf(render([card({ tunnels: 2 })]));
    expect(text).toContain("Since 2026-11-20 14:05 UTC from 192.0.2.7");
    expect(text).toContain("Until 2026-11-21 04:05 UTC · 2 open tunnels");
  });

  it("does without what is not known", () => {
    const text = textOf(render([card({ program: null, address: null })]));
    expect(text).toContain("Unknown program Since 2026-11-20 14:05 UTC Until");
  });

  it.each([[true, "Sign out"], [false, "End"]])("own session %s: the button says %s", (isOwn, label) => {
    const html = render([card({ isOwn })]);
    expect(html).toContain(`aria-label="${label}: Firefox on Linux, since 2026-11-20 14:05 UTC">${label}<`);
    expect(html.includes("This session")).toBe(isOwn);
  });

  it("has a form for each session and one for all, each with the token", () => {
    const html = render([card(), card({ id: "session-2" })], { more: 3 });
    expect(html.match(/<form method="post" action="\/\.pomerium\/sessions">/g)).toHaveLength(3);
    expect(html.match(/name="csrf" value="token"/g)).toHaveLength(3);
    expect(textOf(html)).toContain("And 3 more.");
  });
});
