/** Groups within each other in a regular expression. */
export const MAX_PATTERN_DEPTH = 50;

/** The most repetitions that a regular expression can count. */
export const MAX_PATTERN_REPEAT = 1000;

/** Instructions of a compiled regular expression. */
export const MAX_PATTERN_SIZE = 1000;

/** Characters in a text that a regular expression is compared with; a longer one fails to be decided. */
export const MAX_TEXT_LENGTH = 4096;
