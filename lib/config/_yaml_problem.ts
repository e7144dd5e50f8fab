import type { Complaint } from "./complaint.ts";

/** What is wrong with a text as YAML. */
export interface YamlProblem extends Pick<Complaint, "severity" | "code" | "message" | "hint"> {
  /** Where, in UTF-16 code units from the start of the text. */
  readonly offset: number;
}
