import { answer, answersOf } from "./_answers.ts";
import { type CriterionRow, textRow } from "./_rows.ts";
import { compileStringMatcher } from "./matchers.ts";

const SOME_TOOL = answer(true, "mcp-tool-match");
const OTHER_TOOL = answer(false, "mcp-tool-no-match");
const NO_TOOL = answer(false, "mcp-not-a-tool-call");
const CORS = answer(true, "cors-request");
const NOT_CORS = answer(false, "non-cors-request");

/** Criteria on an HTTP request. */
export const HTTP_ROWS: Readonly<Record<string, CriterionRow>> = {
  http_method: textRow(answersOf("http-method"), (facts) => facts.http?.method),
  http_path: textRow(answersOf("http-path"), (facts) => facts.http?.path),
  cors_preflight: {
    compile: () => ({
      ask: ({ http }) => {
        if (http === undefined || http === null || http.method !== "OPTIONS") return NOT_CORS;
        return http.origin !== null && http.accessControlRequestMethod !== null ? CORS : NOT_CORS;
      },
      found: ({ http }) => http ?? null,
    }),
  },
  mcp_tool: {
    compile: ({ data, place }) => {
      const matches = compileStringMatcher(data, place);
      return {
        ask: ({ mcpTool }) => {
          if (mcpTool === undefined || mcpTool === null) return NO_TOOL;
          return matches(mcpTool) ? SOME_TOOL : OTHER_TOOL;
        },
        found: ({ mcpTool }) => mcpTool ?? null,
      };
    },
  },
};
