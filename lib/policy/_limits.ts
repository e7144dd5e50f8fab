/** Criteria in one policy, nested ones counted, shorthands apart; also the most rules in its list. */
export const MAX_CRITERIA = 10_000;

/** Levels of `all_of`, `any_of` and `none_of` within each other. */
export const MAX_NESTING = 8;

/** Values in one list: `in`, `not_in`, `source_ip`, keys, fingerprints, and the shorthands. */
export const MAX_LIST_VALUES = 10_000;

/** Characters in one value to compare with. */
export const MAX_VALUE_LENGTH = 1024;

/** Characters in one line that holds a public key; a key of 16,384 bits takes 2,800. */
export const MAX_KEY_LINE_LENGTH = 8192;

/** Characters in the path of a claim. */
export const MAX_CLAIM_PATH_LENGTH = 256;

/** Levels into which the path of a claim is split; a deeper path is looked up literally only. */
export const MAX_CLAIM_DEPTH = 5;
