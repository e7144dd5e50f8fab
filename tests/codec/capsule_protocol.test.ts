import { describe, expect, it } from "vitest";
import { saysCapsuleProtocol } from "../../lib/codec/capsule_protocol.ts";

describe("saysCapsuleProtocol()", () => {
  it.each([
    "?1",
    " ?1  ",
    "?1;a",
    "?1; a=1;b=-2.5 ".trim(),
    '?1;a="x, \\"y\\" ;"',
    "?1;a=tok/en:x;*b=?0",
    "?1;a=:aGk=:;a=?1",
  ])("is true for '%s'", (value) => {
    expect(saysCapsuleProtocol(value)).toBe(true);
  });

  it.each([
    null,
    "",
    "?0",
    "?1, ?1",
    "?1,",
    "?2",
    "1",
    "true",
    '"?1"',
    "?1 ;a",
    "?1;",
    "?1;A",
    "?1;a=",
    "?1;a=(1 2)",
    '?1;a="x',
    '?1;a="\\x"',
    "?1;a=1.2345",
    "?1;a=1234567890123456",
    "?1\t",
    "?1\n",
    "?1;a=ä",
  ])("is false for '%s'", (value) => {
    expect(saysCapsuleProtocol(value)).toBe(false);
  });
});
