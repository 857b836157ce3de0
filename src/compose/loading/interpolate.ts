/**
 * Variables in the values of a Compose file: `$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:?e}`, `${V?e}`, `${V:+r}`, `${V+r}`, nested, and `$$`
 * for a dollar sign. Keys are left alone, as the specification says.
 */
import { ManifestError } from '../../manifests/source-object.ts';
import { isList, isMap, mapEntries, type Tree, within } from './tree.ts';

export interface Variables {
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Called for each that is not set and has no default: it becomes an empty text. */
  readonly unset: (name: string) => void;
}

/** All texts of a tree. @throws ManifestError with the path */
export function interpolateTree(tree: Tree, variables: Variables, file: string, path = ''): Tree {
  if (typeof tree === 'string') return tree.includes('$') ? interpolate(tree, variables, `${file}: ${path}`) : tree;
  if (isList(tree)) return tree.map((item, index) => interpolateTree(item, variables, file, `${path}[${index}]`));
  if (isMap(tree)) {
    return mapEntries(tree, (value, name) =>
      interpolateTree(value, variables, file, path === '' ? name : `${path}.${name}`),
    );
  }
  return typeof tree === 'object' && tree !== null
    ? within(tree, (value) => interpolateTree(value, variables, file, path))
    : tree;
}

const name = /[_a-zA-Z][_a-zA-Z0-9]*/y;

/** @param where for errors: the file and the key */
export function interpolate(text: string, variables: Variables, where: string): string {
  let out = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) return out + text.slice(at);
    out += text.slice(at, dollar);
    const next = text[dollar + 1];
    name.lastIndex = dollar + 1;
    const plain = name.exec(text)?.[0];
    if (next === '$') {
      out += '$';
      at = dollar + 2;
    } else if (next === '{') {
      const end = closing(text, dollar + 2);
      if (end < 0) throw invalid(text, where);
      out += braced(text.slice(dollar + 2, end), variables, where);
      at = end + 1;
    } else if (plain !== undefined) {
      out += valueOf(plain, variables);
      at = dollar + 1 + plain.length;
    } else {
      out += '$';
      at = dollar + 1;
    }
  }
}

/** Where the brace that is open at `from` closes; -1: nowhere. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '$' && text[at + 1] === '{') {
      depth++;
      at++;
    } else if (text[at] === '}' && --depth === 0) {
      return at;
    }
  }
  return -1;
}

function braced(inner: string, variables: Variables, where: string): string {
  const match = /^([_a-zA-Z][_a-zA-Z0-9]*)(?:(:?[-?+])([\s\S]*))?$/.exec(inner);
  if (match === null) throw invalid(`\${${inner}}`, where);
  const [, variable = '', operator, rest = ''] = match;
  if (operator === undefined) return valueOf(variable, variables);
  const value = variables.values[variable];
  const isThere = value !== undefined && !(operator.startsWith(':') && value === '');
  const other = (): string => interpolate(rest, variables, where);
  if (operator.endsWith('-')) return isThere ? value : other();
  if (operator.endsWith('+')) return isThere ? other() : '';
  if (isThere) return value;
  throw new ManifestError(`${where}: the variable ${variable} must be set${rest === '' ? '' : `: ${other()}`}`);
}

function valueOf(variable: string, { values, unset }: Variables): string {
  const value = values[variable];
  if (value === undefined) unset(variable);
  return value ?? '';
}

/** The name alone is shown: what stands around it may be a password with a dollar sign. */
const invalid = (text: string, where: string): ManifestError =>
  new ManifestError(
    `${where}: ${/\$\{\w{0,64}/.exec(text)?.[0] ?? '$'}… is no variable as Compose writes them: \${NAME}, \${NAME:-default}; a plain dollar sign is written $$`,
  );
