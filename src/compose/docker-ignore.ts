/** `.dockerignore`: patterns of paths, the last that fits decides, `!` takes back. */
export interface DockerIgnore {
  /** A folder that is left out is not looked into, unless something in it may be taken back. */
  leavesOut(relative: string): boolean;
}

interface Rule {
  readonly isException: boolean;
  readonly expression: RegExp;
}

export function dockerIgnore(text: string): DockerIgnore {
  const rules = text.split(/\r?\n/).flatMap((line): Rule[] => {
    const pattern = line.trim();
    if (pattern === '' || pattern.startsWith('#')) return [];
    const isException = pattern.startsWith('!');
    const plain = pattern
      .slice(isException ? 1 : 0)
      .replace(/^\/+|\/+$/g, '')
      .replace(/^\.\//, '');
    return plain === '' || plain === '.' ? [] : [{ isException, expression: expressionOf(plain) }];
  });
  const hasExceptions = rules.some(({ isException }) => isException);
  return {
    leavesOut(relative) {
      const last = rules.findLast(({ expression }) => expression.test(relative));
      return last !== undefined && !last.isException && !(hasExceptions && mayHoldMore(relative, rules));
    },
  };
}

/** Whether an exception could lie below. */
const mayHoldMore = (relative: string, rules: readonly Rule[]): boolean =>
  rules.some(({ isException, expression }) => isException && expression.source.startsWith(`^${escaped(relative)}\\/`));

const escaped = (text: string): string => text.replace(/[.+^${}()|[\]\\/]/g, '\\$&');

/** What lies below a path that fits, fits, too. */
function expressionOf(pattern: string): RegExp {
  const source = escaped(pattern)
    .replaceAll('**\\/', '\u0000')
    .replaceAll('**', '\u0001')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('\u0000', '(?:.*\\/)?')
    .replaceAll('\u0001', '.*');
  return new RegExp(`^${source}(?:\\/.*)?$`);
}
