const WINDOW_MS = 10_000;
/** So much may come in a window whatever the client sends. */
const FREE_BYTES = 64 * 1024 * 1024;

/**
 * Keeps the answers of a service in proportion to what the client sends: in each window of 10 seconds, 64 MiB and so many
 * times the bytes of the client.
 */
export class ReplyGuard {
  #windowEndsMs = 0;
  #bytesUp = 0;
  #bytesDown = 0;

  /** Notes what the client sent. */
  sent(bytes: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#bytesUp += bytes;
  }

  /** Whether an answer of so many bytes may pass, which is then noted. @param ratio 0 is unlimited */
  admits(bytes: number, { ratio, nowMs }: { ratio: number; nowMs: number }): boolean {
    this.#turn(nowMs);
    if (ratio > 0 && this.#bytesDown + bytes > FREE_BYTES + ratio * this.#bytesUp) return false;
    this.#bytesDown += bytes;
    return true;
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#windowEndsMs) return;
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#bytesUp = 0;
    this.#bytesDown = 0;
  }
}
