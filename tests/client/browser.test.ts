import { describe, expect, it } from "vitest";
import { browserCall } from "../../lib/client/browser.ts";

const URL = "https://gw.example.com/.pomerium/sign_in?a=1&b=$(touch%20x)";

describe("browserCall()", () => {
  it.each([
    ["linux", undefined, "xdg-open", [URL]],
    ["darwin", undefined, "open", [URL]],
    ["windows", undefined, "rundll32", ["url.dll,FileProtocolHandler", URL]],
    ["linux", "firefox", "firefox", [URL]],
    ["linux", "firefox --new-window", "firefox", ["--new-window", URL]],
    ["linux", `"/opt/my browser/run" --title='two words' x`, "/opt/my browser/run", [
      "--title=two words",
      "x",
      URL,
    ]],
    ["windows", `"C:\\Program Files\\b.exe" ""`, "C:\\Program Files\\b.exe", ["", URL]],
  ])("on %s with the command %s", (os, command, program, args) => {
    expect(browserCall(URL, { os, command })).toEqual({ program, args });
  });

  it("refuses an empty command", () => {
    expect(() => browserCall(URL, { os: "linux", command: " " })).toThrow(TypeError);
  });
});
