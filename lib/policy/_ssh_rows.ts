import { encodeBase64Url } from "../base/bytes.ts";
import { sshFingerprint } from "../codec/ssh_public_key.ts";
import { answersOf } from "./_answers.ts";
import { requireClaimLookup } from "./_claims.ts";
import { requireText, scalarText } from "./_data.ts";
import { localPartOf } from "./_email.ts";
import { type CriterionRow, sessionRow, textRow } from "./_rows.ts";
import { requireSshKeys } from "./_ssh_keys.ts";
import type { Facts, SshCertificateFacts } from "./facts.ts";
import { PolicyError } from "./errors.ts";

const KEY = answersOf("ssh-publickey");
const USERNAME = answersOf("ssh-username");

/** Criteria on an SSH login. */
export const SSH_ROWS: Readonly<Record<string, CriterionRow>> = {
  ssh_publickey: {
    compile: ({ data, place }) => {
      const keys = requireSshKeys(data, { place, kind: "any key" });
      return {
        ask: ({ ssh }) => KEY(ssh !== undefined && ssh !== null && keys.has(encodeBase64Url(ssh.publicKey))),
        found: ({ ssh }) => ssh ? sshFingerprint(ssh.publicKey) : null,
      };
    },
  },
  ssh_ca: {
    compile: ({ data, place }) => {
      const authorities = requireSshKeys(data, { place, kind: "authority" });
      return {
        ask: (facts) => {
          const certificate = facts.ssh?.certificate ?? null;
          return KEY(
            certificate !== null && isForCaller(certificate, facts) &&
              authorities.has(encodeBase64Url(certificate.authorityKey)),
          );
        },
        found: certificateFound,
      };
    },
  },
  ssh_username: textRow(USERNAME, (facts) => facts.ssh?.username),
  ssh_username_matches_email: sessionRow(() => ({
    ask: (session, { ssh }) =>
      USERNAME(isName(ssh?.username) && localPartOf(session.email) === ssh?.username),
    found: (session, { ssh }) => ({ username: ssh?.username ?? null, email: session.email }),
  })),
  ssh_username_matches_claim: sessionRow(({ data, place }) => {
    const path = requireText(data, place);
    if (path === "") {
      throw new PolicyError("policy/bad-data", "This names no claim", {
        place,
        hint: "write the path of a claim",
      });
    }
    const lookup = requireClaimLookup(path, { place, code: "policy/too-large" });
    return {
      ask: (session, { ssh }) =>
        USERNAME(
          isName(ssh?.username) &&
            lookup(session.claims).some((value) => scalarText(value) === ssh?.username),
        ),
      found: (session, { ssh }) => ({ username: ssh?.username ?? null, claim: lookup(session.claims) }),
    };
  }),
};

/** An email without local part, or an empty claim, must not match a login without name. */
function isName(username: string | undefined): boolean {
  return username !== undefined && username !== "";
}

function isForCaller({ principals, validAfter, validBefore }: SshCertificateFacts, facts: Facts): boolean {
  return principals.includes(facts.ssh!.username) && validAfter <= facts.now && facts.now < validBefore;
}

function certificateFound({ ssh }: Facts): unknown {
  const certificate = ssh?.certificate ?? null;
  if (certificate === null) return null;
  const { authorityKey, principals, validAfter, validBefore } = certificate;
  return {
    authority: sshFingerprint(authorityKey),
    principals,
    validAfter: dateText(validAfter),
    validBefore: dateText(validBefore),
  };
}

function dateText(instant: number): string {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? "always" : date.toISOString();
}
