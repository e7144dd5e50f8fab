import type { ConnectionFacts } from "../base/connection.ts";
import type { MessageStream } from "../carrier/message_stream.ts";
import type { RequestHead } from "../codec/http_fields.ts";
import type { Asked } from "./asked.ts";
import type { EdgeOptions } from "./edge.ts";
import type { TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { failedAnswer } from "./failed_answer.ts";
import { StreamExchange } from "./stream_exchange.ts";
import { headOf, requestOf, sendResponse } from "./stream_messages.ts";

/** A request on a stream of its own. */
export interface StreamRequest {
  /** Valid. */
  readonly head: RequestHead;
  /** Carries content and answer. */
  readonly stream: MessageStream;
  /** What the acceptor knows of its connection. */
  readonly facts: ConnectionFacts;
  /** `2.0` or `3`. */
  readonly httpVersion: string;
}

/** Has the application answer a request of HTTP/2 or HTTP/3, and closes its stream. Settles when that is done; never rejects. */
export async function answerStream(
  request: StreamRequest,
  options: Pick<EdgeOptions, "fetch" | "log">,
): Promise<void> {
  const { head, stream } = request;
  const { response, takeOver, forward } = await ask(request, options);
  if (forward !== null) await forward(new StreamExchange(head, stream));
  else if (takeOver === null) await sendResponse(stream, response, head.method);
  else {
    // A tunnel that finds its stream broken says so itself.
    await stream.sendFields(headOf(response)).catch(() => {});
    await takeOver(stream, stream.datagrams);
  }
}

async function ask(
  { head, stream, facts, httpVersion }: StreamRequest,
  { fetch, log }: Pick<EdgeOptions, "fetch" | "log">,
): Promise<Asked> {
  const isConnect = head.method === "CONNECT";
  const isPlain = isConnect && head.protocol === null;
  const asked: { takeOver: TakeOver | null; forward: Forward | null } = { takeOver: null, forward: null };
  try {
    const response = await fetch(requestOf(head, stream), {
      connection: facts,
      connectTarget: isPlain ? head.authority : null,
      upgrade: head.protocol?.toLowerCase() ?? null,
      requestTarget: head.path ?? "",
      httpVersion,
      takeOver: (run) => {
        if (!isConnect) throw new TypeError("Only CONNECT can take over a stream");
        asked.takeOver = run;
      },
      forward: (run) => {
        if (isPlain) throw new TypeError("CONNECT cannot be forwarded");
        asked.forward = run;
      },
    });
    return response.status === 200 ? { response, ...asked } : { response, takeOver: null, forward: null };
  } catch (error) {
    return { response: failedAnswer(error, log), takeOver: null, forward: null };
  }
}
