import { X509Certificate } from "node:crypto";
import { parseCertificateBundle } from "../../lib/pki/bundle.ts";
import { type Certificate, parseCertificate } from "../../lib/pki/certificate.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import type { Bench, Row } from "./bench.ts";

const RUN_MS = 500;
const BATCH = 20;
/** Of openssl verify: the same leaf this often, in one process. */
const LEAVES = 2000;

interface Chain {
  readonly folder: string;
  readonly leaf: Certificate;
  readonly intermediate: Certificate;
  readonly root: Certificate;
}

type Contender = (chain: Chain) => Promise<number>;

const CONTENDERS: Readonly<Record<string, Contender>> = {
  "validatePath() of parsed certificates": (chain) => perSecond(() => validate(chain)),
  "validatePath() with parsing leaf and intermediate": (chain) =>
    perSecond(() =>
      validate({
        ...chain,
        leaf: parseCertificate(chain.leaf.der),
        intermediate: parseCertificate(chain.intermediate.der),
      })
    ),
  "node:crypto the two signatures alone": nodeSignatures,
  "node:crypto with parsing and names": nodeWithParsing,
  "openssl verify many times in a process": opensslVerify,
};

/** Validation of certificates. */
export const x509Bench: Bench = {
  about:
    `Validates a client's chain of three certificates (leaf, intermediate, root; P-256) again and again, one after another,
beside node:crypto of the same process and, in processes of its own, openssl verify.`,
  runs: 5,
  numbers: {},
  needsLoad: false,
  prepare: async ({ workspace }) => {
    const chain = await makeChain(workspace.file(""));
    return [{
      ...{ id: "chains", title: "Validation of a chain of three, one at a time" },
      columns: [{ key: "perSecond", title: "validations/s" }],
      rows: await Promise.all(
        Object.entries(CONTENDERS).map(([name, contender]) => row(name, { chain, contender })),
      ),
    }];
  },
};

async function row(name: string, { chain, contender }: { chain: Chain; contender: Contender }): Promise<Row> {
  await validate(chain);
  return { name, measure: async () => ({ perSecond: await contender(chain) }) };
}

async function validate({ leaf, intermediate, root }: Chain): Promise<unknown> {
  const [intermediates, anchors] = [[intermediate], [root]];
  return await validatePath(leaf, { intermediates, anchors, now: Date.now(), purpose: "client-auth" });
}

function nodeSignatures({ leaf, intermediate, root }: Chain): Promise<number> {
  const [first, second] = [new X509Certificate(leaf.der), new X509Certificate(intermediate.der)];
  const keys = [second.publicKey, new X509Certificate(root.der).publicKey] as const;
  return perSecond(() => {
    if (!first.verify(keys[0]) || !second.verify(keys[1])) {
      throw new TypeError("The chain was meant to be valid");
    }
  });
}

function nodeWithParsing({ leaf, intermediate, root }: Chain): Promise<number> {
  const anchor = new X509Certificate(root.der);
  const anchorKey = anchor.publicKey;
  return perSecond(() => {
    const [first, second] = [new X509Certificate(leaf.der), new X509Certificate(intermediate.der)];
    const isIssued = first.checkIssued(second) && second.checkIssued(anchor);
    const isSigned = first.verify(second.publicKey) && second.verify(anchorKey);
    if (!isIssued || !isSigned) throw new TypeError("The chain was meant to be valid");
  });
}

async function opensslVerify({ folder }: Chain): Promise<number> {
  const verify = (leaves: number) => {
    const files = Array.from({ length: leaves }, () => "leaf.pem");
    const args = ["verify", "-purpose", "sslclient", "-CAfile", "root.pem", "-untrusted", "ca.pem", ...files];
    return timed(() => openssl(folder, args));
  };
  // What starting takes is taken off.
  const startingMs = await verify(1);
  return (LEAVES - 1) / (await verify(LEAVES) - startingMs) * 1000;
}

async function perSecond(work: () => unknown): Promise<number> {
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < RUN_MS) {
    elapsedMs += await timed(async () => {
      for (let i = 0; i < BATCH; i++) await work();
    });
    count += BATCH;
  }
  return count / elapsedMs * 1000;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function makeChain(folder: string): Promise<Chain> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const make = (file: string, args: string[]) =>
    openssl(folder, [
      "req",
      "-x509",
      ...key,
      "-keyout",
      `${file}.key`,
      "-out",
      `${file}.pem`,
      "-subj",
      `/CN=${file}`,
      ...args,
    ]);
  const by = (issuer: string) => ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`];
  const authority = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
  await make("root", authority);
  await make("ca", [...by("root"), ...authority]);
  const leaf = [
    "basicConstraints=critical,CA:FALSE",
    "extendedKeyUsage=clientAuth",
    "subjectAltName=email:a@example.com",
  ];
  await make("leaf", [...by("ca"), ...leaf.flatMap((extension) => ["-addext", extension])]);
  const read = async (file: string) =>
    parseCertificateBundle(await Deno.readFile(`${folder}/${file}.pem`))[0]!;
  return { folder, leaf: await read("leaf"), intermediate: await read("ca"), root: await read("root") };
}

async function openssl(folder: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder, stdout: "null" })
    .output();
  if (!success) throw new Error(`openssl ${args[0]} has failed: ${new TextDecoder().decode(stderr)}`);
}
