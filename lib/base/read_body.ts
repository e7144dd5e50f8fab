import { concatBytes } from "./bytes.ts";

/**
 * Reads the body of an HTTP answer whole.
 *
 * @returns `null` when it is longer than `maxBytes`; the rest of it is not read then
 */
export async function readBody(
  { body }: Pick<Response, "body">,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
