/**
 * `.dockerignore`, by the rules that Docker documents: a pattern names a path or everything below it, `*` and `?` stay within one name, `**` stands for any
 * number of names, `!` takes back in, and the last pattern that fits decides. Pure.
 */

/** Whether a path, relative to the folder and with forward slashes, stays out. */
export type IgnoreRules = (path: string) => boolean;

interface Rule {
  readonly pattern: RegExp;
  readonly isException: boolean;
}

/** Of several texts the later ones decide. @throws Error that names the pattern which cannot be read */
export function ignoreRules(...texts: readonly string[]): IgnoreRules {
  const rules = texts.flatMap((text) => text.split(/\r?\n/)).flatMap(ruleOf);
  return (path) => {
    const ways = pathsAbove(path);
    const last = rules.findLast(({ pattern }) => ways.some((way) => pattern.test(way)));
    return last !== undefined && !last.isException;
  };
}

/** `a`, `a/b`, `a/b/c`. */
function pathsAbove(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

function ruleOf(line: string): Rule[] {
  const text = line.replace(/^\uFEFF/, '').trim();
  if (text === '' || line.startsWith('#')) return [];
  const isException = text.startsWith('!');
  const cleaned = cleanPath(isException ? text.slice(1).trim() : text);
  if (cleaned === '') return [];
  return [{ pattern: patternOf(cleaned), isException }];
}

/** Without slashes at the ends, `.` and `..` resolved. */
function cleanPath(text: string): string {
  const names: string[] = [];
  for (const name of text.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

function patternOf(text: string): RegExp {
  const parts = text.match(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|\\.|[^*?[\\]+|\[|\\/gs) ?? [];
  try {
    return new RegExp(`^${parts.map(partOf).join('')}$`, 's');
  } catch (error) {
    throw new Error(`.dockerignore: the pattern ${text} cannot be read`, { cause: error });
  }
}

const fixedParts: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };

function partOf(part: string): string {
  const fixed = fixedParts[part];
  if (fixed !== undefined) return fixed;
  if (/^\[.+\]$/s.test(part)) return part.replace(/\\(?![\]^\\-])/g, '\\\\');
  return literal(part.replace(/^\\(?=.)/s, ''));
}
