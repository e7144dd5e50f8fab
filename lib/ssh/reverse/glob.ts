/**
 * Whether a text matches a pattern as OpenSSH writes them (ssh_config(5), PATTERNS): `*` is any text, `?` any character.
 * Upper and lower case are the same. Takes time proportional to the product of both lengths at most.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [wanted, found] = [pattern.toLowerCase(), text.toLowerCase()];
  let [at, from] = [0, 0];
  // Where to go on after the last `*` takes one more character.
  let [star, starFrom] = [-1, 0];
  while (from < found.length) {
    if (wanted[at] === "*") [star, starFrom] = [at++, from];
    else if (wanted[at] === "?" || wanted[at] === found[from]) [at, from] = [at + 1, from + 1];
    else if (star < 0) return false;
    else [at, from] = [star + 1, ++starFrom];
  }
  return /^\**$/.test(wanted.slice(at));
}

/** The same text for patterns that match the same, as far as runs of wildcards and case make the difference. */
export function canonicalGlob(pattern: string): string {
  return pattern.toLowerCase().replace(
    /[*?]{2,}/g,
    (run) => run.replaceAll("*", "") + (run.includes("*") ? "*" : ""),
  );
}
