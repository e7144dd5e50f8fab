// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { X509Certificate } from "node:crypto";
import { parseArgs } from "node:util";
import { parseCertificateBundle } from "../../lib/pki/bundle.ts";
import { type Certificate, parseCertificate } from "../../lib/pki/certificate.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import { spread } from "./statistics.ts";

const USAGE = `Usage: deno task bench x509 [OPTIONS]

Validates a client's chain of three certificates (leaf, intermediate, root; P-256) again and again, one after
another, beside node:crypto of the same process and, in processes of its own, openssl verify.

  --runs N   how often each figure is taken, 1 to 100; the median is shown (default 5)`;

const RUN_MS = 500;
const DEFAULT_RUNS = "5";
const MAX_RUNS = 100;
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
  "validatePath(), certificates parsed before": (chain) => perSecond(() => validate(chain)),
  "validatePath(), leaf and intermediate parsed each time": (chain) =>
    perSecond(() =>
      validate({
        ...chain,
        leaf: parseCertificate(chain.leaf.der),
        intermediate: parseCertificate(chain.intermediate.der),
      })
    ),
  "node:crypto, the two signatures alone": nodeSignatures,
  "node:crypto, parsing leaf and intermediate, names and two signatures": nodeWithParsing,
  "openssl verify, many times in a process": opensslVerify,
};

/** `deno task bench x509`. @returns the exit code */
export async function x509Bench(args: string[]): Promise<number> {
  const runs = parseRuns(args);
  if (runs === null) {
    console.error(`error: the options were not understood\n\n${USAGE}`);
    return 2;
  }
  const folder = await Deno.makeTempDir();
  try {
    const chain = await makeChain(folder);
    const figures = new Map<string, number[]>(Object.keys(CONTENDERS).map((title) => [title, []]));
    for (let run = 0; run <= runs; run++) {
      for (const [title, contender] of Object.entries(CONTENDERS)) {
        const figure = await contender(chain);
        // The first run is for warming up.
        if (run > 0) figures.get(title)!.push(figure);
      }
    }
    console.log(`validations per second, one at a time: median (lowest-highest) of ${runs} runs`);
    for (const [title, all] of figures) {
      const { median, min, max } = spread(all);
      console.log(`${title}: ${format(median)} (${format(min)}-${format(max)})`);
    }
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @returns `null` when the arguments are wrong */
function parseRuns(args: string[]): number | null {
  try {
    const { values } = parseArgs({ args, options: { runs: { type: "string", default: DEFAULT_RUNS } } });
    const runs = Number(values.runs);
    return Number.isInteger(runs) && runs >= 1 && runs <= MAX_RUNS ? runs : null;
  } catch {
    return null;
  }
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

function format(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en-US");
}
