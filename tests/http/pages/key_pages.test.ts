import { describe, expect, it } from "vitest";
import { type KeyCard, KeyList } from "../../../lib/http/pages/key_list.tsx";
import { KeySignInPage } from "../../../lib/http/pages/key_sign_in_page.tsx";
import { attributesOf, elementsOf, MARKUP, textOf } from "./_markup.ts";

const AT = Date.UTC(2026, 10, 20, 14, 5);

function ask(
  overrides: { user?: string; address?: string; fingerprint?: string; csrf?: string } = {},
): string {
  const { user = "Ann", csrf = "token", address = "192.0.2.7", fingerprint = "SHA256:abc" } = overrides;
  const signIn = { fingerprint, address, issuedAt: AT, expiresAt: AT + 900_000 };
  return String(KeySignInPage({ user, signIn, csrf }));
}

function list(overrides: Partial<KeyCard> = {}, csrf = "token"): string {
  const key: KeyCard = {
    keyId: "sshkey-SHA256:abc",
    fingerprint: "SHA256:abc",
    kind: "session",
    createdAt: AT,
    expiresAt: AT + 900_000,
    createdFrom: "192.0.2.7",
    ...overrides,
  };
  return String(KeyList({ keys: [key], csrf }));
}

describe("KeySignInPage()", () => {
  it.each(MARKUP)("shows %s as it is, wherever it stands", (text) => {
    const html = ask({ user: text, address: text, fingerprint: text, csrf: text });
    expect(elementsOf(html)).toEqual(elementsOf(ask()));
    expect(attributesOf(html)).toEqual(attributesOf(ask()));
  });

  it("says who, from where, with which key, since when and until when", () => {
    const text = textOf(ask());
    for (
      const part of ["Ann", "192.0.2.7", "SSH", "SHA256:abc", "2026-11-20 14:05 UTC", "2026-11-20 14:20 UTC"]
    ) {
      expect(text).toContain(part);
    }
  });
});

describe("KeyList()", () => {
  it.each(MARKUP)("shows %s as it is, wherever it stands", (text) => {
    const html = list({ keyId: text, fingerprint: text, createdFrom: text }, text);
    expect(elementsOf(html)).toEqual(elementsOf(list()));
    expect(attributesOf(html)).toEqual(attributesOf(list()));
  });

  it.each(
    [
      ["session", "/.pomerium/session_binding/revoke", "Until 2026-11-20 14:20 UTC"],
      ["identity", "/.pomerium/identity_binding/revoke", "Until it is revoked"],
    ] as const,
  )("has a form for a key of the kind %s", (kind, action, until) => {
    const html = list({ kind, ...kind === "identity" ? { expiresAt: null } : {} });
    expect(html).toContain(`action="${action}"`);
    expect(html).toContain('name="sessionBindingID" value="sshkey-SHA256:abc"');
    expect(textOf(html)).toContain(until);
  });
});
