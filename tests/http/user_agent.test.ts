import { describe, expect, it } from "vitest";
import { userAgentFamily } from "../../lib/http/user_agent.ts";

const MOZILLA = "Mozilla/5.0";
const WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)";

describe("userAgentFamily()", () => {
  it.each<[userAgent: string, family: string | null]>([
    [`${MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0`, "Firefox on Linux"],
    [`${MOZILLA} (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0`, "Firefox on Android"],
    [
      `${MOZILLA} (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/138.0.0.0 Safari/537.36`,
      "Chrome on Windows",
    ],
    [
      `${MOZILLA} (Linux; Android 10; K) ${WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36`,
      "Chrome on Android",
    ],
    [
      `${MOZILLA} (X11; CrOS x86_64 14541.0.0) ${WEBKIT} Chrome/138.0.0.0 Safari/537.36`,
      "Chrome on ChromeOS",
    ],
    [`${MOZILLA} (X11; Linux x86_64) ${WEBKIT} HeadlessChrome/138.0.0.0 Safari/537.36`, "Chrome on Linux"],
    [
      `${MOZILLA} (Windows NT 10.0) ${WEBKIT} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0`,
      "Edge on Windows",
    ],
    [`${MOZILLA} (X11; Linux x86_64) ${WEBKIT} Chrome/138.0 Safari/537.36 OPR/121.0`, "Opera on Linux"],
    [
      `${MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15`,
      "Safari on macOS",
    ],
    [
      `${MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1`,
      "Safari on iPhone",
    ],
    [
      `${MOZILLA} (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0 Mobile/15E148 Safari/604.1`,
      "Chrome on iPad",
    ],
    ["curl/8.14.1", "curl"],
    ["Something on Linux", "Linux"],
    ["Something", null],
    ["", null],
    ["<script>Firefox/1</script>", "Firefox"],
  ])("of %s is %s", (userAgent, family) => {
    expect(userAgentFamily(userAgent)).toBe(family);
  });
});
