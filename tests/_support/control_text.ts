import type { TestGateway } from "./test_gateway.ts";

/** What the control socket of a gateway answers to a GET. */
export async function controlText(own: TestGateway, path: string): Promise<string> {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: own.gateway.controlSocket } });
  try {
    return await (await fetch(`http://control${path}`, { client })).text();
  } finally {
    client.close();
  }
}
