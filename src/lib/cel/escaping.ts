/** Names of fields that are no identifiers, as Kubernetes escapes them in expressions: `a__dot__b` is `a.b`, `__in__` is `in`. */

const words: Readonly<Record<string, string>> = { underscores: '__', dot: '.', dash: '-', slash: '/' };
const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const escapedWord: ReadonlyMap<string, string> = new Map(Object.entries(words).map(([word, meant]) => [meant, word]));

/** The name itself where it is not well escaped. */
export function unescaped(name: string): string {
  if (!name.includes('__')) return name;
  const keyword = /^__(.+)__$/.exec(name)?.[1];
  if (keyword !== undefined && keywords.has(keyword)) return keyword;
  let isWhole = true;
  const text = name.replace(/__(?:(underscores|dot|dash|slash)__)?/g, (_match, word: string | undefined) => {
    if (word === undefined) isWhole = false;
    return words[word ?? ''] ?? '';
  });
  return isWhole ? text : name;
}

/** Undefined: expressions cannot name it. */
export function escaped(name: string): string | undefined {
  if (keywords.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replace(/__|[.\-/]/g, (part) => `__${escapedWord.get(part) ?? ''}__`);
}
