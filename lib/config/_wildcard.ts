/**
 * Prepares a pattern in which `*` stands for any text, the empty one too. The answer takes time in proportion to the
 * text for each literal part: there is nothing to go back to, as every part is taken where it first fits.
 */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const [head = "", ...others] = pattern.split("*");
  const tail = others.pop();
  if (tail === undefined) return (text) => text === pattern;
  const middle = others.filter((part) => part !== "");
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) {
      return false;
    }
    const end = text.length - tail.length;
    let from = head.length;
    for (const part of middle) {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return from <= end;
  };
}
