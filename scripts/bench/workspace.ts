import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";

/** A temporary folder with the certificate that all servers of a benchmark show. Dispose it to remove it. */
export interface Workspace extends AsyncDisposable {
  readonly caPem: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** The path of a file in the folder. */
  file(name: string): string;
  /** Writes a file in the folder. @returns its path */
  write(name: string, text: string): Promise<string>;
}

/** Makes the folder, and a certificate for localhost (P-256). The caller disposes it. */
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
  return {
    caPem: authority.certPem,
    certFile: await write("server.pem", pair.certPem),
    keyFile: await write("server-key.pem", pair.keyPem),
    file,
    write,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
