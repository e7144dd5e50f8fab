import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";

/** A temporary folder with the certificates of a benchmark (all P-256). Dispose it to remove it. */
export interface Workspace extends AsyncDisposable {
  /** The authority of all of them, as PEM text and as a file. */
  readonly caPem: string;
  readonly caFile: string;
  /** What all servers show, for localhost. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate and key of the servers in one file. */
  readonly pairFile: string;
  /** What clients show. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** The path of a file in the folder. */
  file(name: string): string;
  /** Writes a file in the folder. @returns its path */
  write(name: string, text: string): Promise<string>;
}

/** Makes the folder. The caller disposes it. */
export async function makeWorkspace(): Promise<Workspace> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Sallyport benchmark" });
  const pair = await issueServerCertificate({ authority, names: ["localhost", "127.0.0.1"], now });
  const file = (name: string) => `${folder}/${name}`;
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(file(name), text, { mode: 0o600 });
    return file(name);
  };
  await write("ca-key.pem", authority.keyPem);
  const caFile = await write("ca.pem", authority.certPem);
  await issueClientCertificate(folder);
  return {
    caPem: authority.certPem,
    caFile,
    certFile: await write("server.pem", pair.certPem),
    keyFile: await write("server-key.pem", pair.keyPem),
    pairFile: await write("server-pair.pem", `${pair.certPem}\n${pair.keyPem}`),
    clientCertFile: file("client.pem"),
    clientKeyFile: file("client-key.pem"),
    file,
    write,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** As the development authority issues certificates for servers only. */
async function issueClientCertificate(folder: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "client-key.pem"];
  const extensions = [
    "basicConstraints=critical,CA:FALSE",
    "extendedKeyUsage=clientAuth",
    "keyUsage=digitalSignature",
  ];
  const args = [
    ...["req", "-x509", ...key, "-out", "client.pem", "-subj", "/CN=bench", "-days", "30"],
    ...["-CA", "ca.pem", "-CAkey", "ca-key.pem"],
    ...extensions.flatMap((extension) => ["-addext", extension]),
  ];
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder, stdout: "null" })
    .output();
  if (!success) throw new Error(`No client certificate: ${new TextDecoder().decode(stderr)}`);
}
