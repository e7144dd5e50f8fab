import { run } from "./programs.ts";

/** What an authority of {@link opensslAuthority} has issued. */
export interface OpensslPair {
  readonly certPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

/** An authority in a folder of its own, in which `openssl` runs. Disposing it removes the folder. */
export interface OpensslAuthority extends OpensslPair, AsyncDisposable {
  readonly folder: string;
  /** Runs `openssl` there; files are relative to the folder. Rejects when it fails. */
  openssl(...args: string[]): Promise<void>;
  /** Issues `<name>.crt` for a new key in `<name>.key`. */
  issue(name: string, options: IssueOptions): Promise<OpensslPair>;
}

/** What to put into a certificate. */
export interface IssueOptions {
  /** Such as `/O=Example/CN=ann`. */
  readonly subject: string;
  /** Lines of an extension file; default: a key for signatures. */
  readonly extensions?: readonly string[];
  /** Of openssl's own; default: 30 days from now. */
  readonly validity?: readonly string[];
  /** The arguments that make the key; default: P-256. */
  readonly key?: readonly string[];
}

const P256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** Makes an authority with files `ca.crt` and `ca.key`. */
export async function opensslAuthority(subject: string): Promise<OpensslAuthority> {
  const folder = await Deno.makeTempDir();
  async function openssl(...args: string[]): Promise<void> {
    const { code, stderr } = await run(["env", ["-C", folder, "openssl", ...args]]);
    if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  }
  async function pair(name: string): Promise<OpensslPair> {
    return {
      certPem: await Deno.readTextFile(`${folder}/${name}.crt`),
      keyPem: await Deno.readTextFile(`${folder}/${name}.key`),
    };
  }
  await openssl("req", "-x509", ...P256, "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", subject);
  return {
    folder,
    ...await pair("ca"),
    openssl,
    async issue(name, options) {
      const { extensions = ["keyUsage=digitalSignature"], validity = ["-days", "30"], key = P256 } = options;
      const [csr, extfile] = [`${name}.csr`, `${name}.ext`];
      await Deno.writeTextFile(`${folder}/${extfile}`, extensions.join("\n"));
      await openssl("req", ...key, "-nodes", "-keyout", `${name}.key`, "-out", csr, "-subj", options.subject);
      const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
      await openssl(
        "x509",
        "-req",
        "-in",
        csr,
        ...issuer,
        ...validity,
        "-extfile",
        extfile,
        "-out",
        `${name}.crt`,
      );
      return await pair(name);
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
