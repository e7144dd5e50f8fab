import type { CompiledPolicy } from "./compile.ts";
import { compileCriterion } from "./criteria.ts";
import type { PolicyNode } from "./evaluation.ts";

const CRITERIA: ReadonlySet<string> = new Set(["client_certificate", "invalid_client_certificate"]);

/** Whether the answer of a policy can depend on the certificate of the caller. */
export function asksForCertificate({ allow, deny }: CompiledPolicy): boolean {
  return asks(allow) || asks(deny);
}

/** The same policy, but that it denies callers without a certificate that is trusted. */
export function withCertificateRequired(policy: CompiledPolicy): CompiledPolicy {
  const rule = compileCriterion({
    name: "invalid_client_certificate",
    subpath: null,
    data: true,
    place: { relativeTo: "route", path: [] },
  });
  return Object.freeze({ ...policy, deny: { ...policy.deny, parts: [...policy.deny.parts, rule] } });
}

function asks(node: PolicyNode): boolean {
  return node.kind === "block" ? node.parts.some(asks) : CRITERIA.has(node.source.name);
}
