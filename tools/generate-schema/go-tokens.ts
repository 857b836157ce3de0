/**
 * Splits Go source into tokens: just enough Go to read type and constant declarations. Comments are kept, because upstream's
 * marker comments (`+optional`, `+listType=map`) carry facts. What it does not know (operators of two characters, labels)
 * comes out as single punctuation marks, which the reader of declarations skips.
 */

export interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'punctuation' | 'comment';
  /** Strings without their quotes, comments without their slashes. */
  readonly text: string;
  readonly line: number;
}

const pattern =
  /(?<space>\s+)|\/\/(?<lineComment>[^\n]*)|\/\*(?<blockComment>[\s\S]*?)\*\/|`(?<raw>[^`]*)`|(?<quoted>"(?:[^"\\\n]|\\.)*")|(?<rune>'(?:[^'\\\n]|\\.)*')|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\d[\w.]*)|(?<mark>[\s\S])/gu;

export function goTokens(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of source.matchAll(pattern)) {
    const token = tokenOf(match.groups ?? {}, line);
    if (token !== undefined) tokens.push(token);
    line += match[0].split('\n').length - 1;
  }
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>, line: number): Token | undefined {
  if (groups['space'] !== undefined) return undefined;
  if (groups['lineComment'] !== undefined) return { kind: 'comment', text: groups['lineComment'].trim(), line };
  if (groups['blockComment'] !== undefined) return undefined;
  if (groups['raw'] !== undefined) return { kind: 'string', text: groups['raw'], line };
  if (groups['quoted'] !== undefined) return { kind: 'string', text: unquote(groups['quoted']), line };
  if (groups['rune'] !== undefined) return { kind: 'punctuation', text: groups['rune'], line };
  if (groups['name'] !== undefined) return { kind: 'name', text: groups['name'], line };
  if (groups['number'] !== undefined) return { kind: 'number', text: groups['number'], line };
  return { kind: 'punctuation', text: groups['mark'] ?? '', line };
}

/** Go's and JSON's escapes agree on all that API packages use; others (`\a`, `\x41`) stand for themselves. */
function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}
