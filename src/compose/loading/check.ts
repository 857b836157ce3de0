/** A file against the table of keys (`keys.ts`): each error names the file and the key, and what was likely meant. */
import { nearest } from '../../lib/near-words.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import type { Key, ValueType } from '../key.ts';
import { composeFile } from '../keys.ts';
import { isList, isMap, Mark, type Tree, type TreeMap } from './tree.ts';

/** @throws ManifestError: the first fault */
export function checkFile(tree: Tree, file: string): void {
  checkValue(tree, composeFile, '', file);
}

const words: Readonly<Record<ValueType, string>> = {
  text: 'a text',
  number: 'a number',
  flag: 'true or false',
  none: 'empty',
  list: 'a list',
  map: 'a map',
};

function checkValue(tree: Tree, key: Key, path: string, file: string): void {
  if (tree instanceof Mark) {
    if (tree.kind === 'override') checkValue(tree.value, key, path, file);
    return;
  }
  // An empty value stands for nothing said, wherever it is.
  if (tree === null) return;
  const where = path === '' ? file : `${file}: ${path}`;
  if (!fits(tree, key)) throw new ManifestError(`${where} must be ${choice(typesOf(key).map((type) => words[type]))}`);
  if (key.oneOf !== undefined && typeof tree === 'string' && !key.oneOf.includes(tree)) {
    throw new ManifestError(`${where} must be ${choice(key.oneOf)}, not ${JSON.stringify(tree)}`);
  }
  if (isList(tree)) for (const [index, item] of tree.entries()) checkItem(item, key, `${path}[${index}]`, file);
  if (isMap(tree)) checkMap(tree, key, path, file);
}

function checkItem(item: Tree, key: Key, path: string, file: string): void {
  if (item === null) throw new ManifestError(`${file}: ${path} is empty`);
  if (key.items !== undefined) checkValue(item, key.items, path, file);
}

function checkMap(map: TreeMap, key: Key, path: string, file: string): void {
  const prefix = path === '' ? '' : `${path}.`;
  for (const need of key.needs ?? []) {
    if (!(need in map)) throw new ManifestError(`${file}: ${path} needs ${need}`);
  }
  for (const [name, value] of Object.entries(map)) {
    const inner = key.entries ?? (key.keys !== undefined && Object.hasOwn(key.keys, name) ? key.keys[name] : undefined);
    if (inner !== undefined) checkValue(value, inner, `${prefix}${name}`, file);
    else if (!name.startsWith('x-') && Object.keys(key.keys ?? {}).length > 0) {
      throw new ManifestError(
        `${file}: ${prefix}${name} is no key of a Compose file${hint(name, Object.keys(key.keys ?? {}))}`,
      );
    }
  }
}

/** Of a flag the specification allows texts, for the sake of variables: they must say yes or no all the same. */
const typesOf = ({ types }: Key): readonly ValueType[] => (types[0] === 'flag' ? ['flag'] : types);

/** Variables make texts: `replicas: ${N}` is a number all the same. */
function fits(tree: Tree, key: Key): boolean {
  const types = typesOf(key);
  if (isList(tree)) return types.includes('list');
  if (isMap(tree)) return types.includes('map');
  if (typeof tree === 'number') return types.includes('number');
  if (typeof tree === 'boolean') return types.includes('flag');
  if (typeof tree !== 'string' || types.includes('text')) return true;
  const isNumber = tree.trim() !== '' && Number.isFinite(Number(tree));
  const isFlag = /^(true|false|yes|no|on|off|y|n|1|0)$/i.test(tree);
  return (isNumber && types.includes('number')) || (isFlag && types.includes('flag'));
}

const choice = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;

/** The known name that differs by a letter or two. */
function hint(name: string, known: readonly string[]): string {
  const near = nearest(name, known, 2);
  return near === undefined ? '' : `; did you mean ${near}?`;
}
