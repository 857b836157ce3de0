/** `$(NAME)` in commands, arguments and variables. `$$` is a dollar sign; what is not defined stays as it stands. Pure. */
import { ConfigError } from './config-error.ts';

export function expand(text: string, variables: Pick<ReadonlyMap<string, string>, 'get'>): string {
  let result = '';
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '$' || at + 1 >= text.length) {
      result += text[at];
      continue;
    }
    const close = text[at + 1] === '(' ? text.indexOf(')', at) : -1;
    if (text[at + 1] === '$') {
      result += '$';
      at++;
    } else if (close > 0) {
      const reference = text.slice(at, close + 1);
      result += variables.get(reference.slice(2, -1)) ?? reference;
      at = close;
    } else {
      result += '$';
    }
  }
  return result;
}

/** As `expand`, where every variable must be there. @throws ConfigError */
export function expandStrictly(text: string, variables: ReadonlyMap<string, string>): string {
  const missing: string[] = [];
  const known = {
    get(name: string): string {
      if (!variables.has(name)) missing.push(name);
      return variables.get(name) ?? '';
    },
  };
  const expanded = expand(text, known);
  if (missing.length > 0) throw new ConfigError(`missing value for "${missing[0]}"`);
  return expanded;
}

export function expandAll(texts: readonly string[] | undefined, variables: ReadonlyMap<string, string>): string[] {
  return (texts ?? []).map((text) => expand(text, variables));
}
