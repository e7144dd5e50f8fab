/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { argon2id, argon2Verify } from "hash-wasm";
import { ARGON2, type Argon2Answer, type Argon2Job } from "./_argon2_job.ts";

self.onmessage = async (event: MessageEvent<Argon2Job>) => {
  let answer: Argon2Answer;
  try {
    answer = { result: await run(event.data) };
  } catch (error) {
    answer = { failed: error instanceof Error ? error.name : "unknown" };
  }
  self.postMessage(answer);
};

function run(job: Argon2Job): Promise<string | boolean> {
  if (job.kind === "verify") return argon2Verify({ password: job.password, hash: job.hash });
  return argon2id({ ...ARGON2, password: job.password, salt: job.salt, outputType: "encoded" });
}
