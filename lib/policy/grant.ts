export type { Grant } from "./_grant.ts";
