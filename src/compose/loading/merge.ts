/**
 * Two files, or a service and what it extends, as one: maps entry by entry, lists one after the other, everything else by the later word;
 * and the exceptions that the specification names, each a row here. Both sides are in canonical form.
 */
import { isList, isMap, Mark, mapOf, type Tree, type TreeMap, textOf } from './tree.ts';

/** From what a list's entries are told apart: an entry of the same key takes the place of the earlier one, or is merged into it. */
type KeyOf = (entry: TreeMap) => string;

const byTarget: KeyOf = ({ target, source }) => textOf(target ?? source);
const byPort: KeyOf = ({ host_ip: address, target, published, protocol }) =>
  [address ?? '', target, published ?? '', protocol].map(textOf).join('/');

const keyed: Readonly<Record<string, KeyOf>> = {
  'services.*.ports': byPort,
  'services.*.volumes': byTarget,
  'services.*.secrets': byTarget,
  'services.*.configs': byTarget,
};

/** The later word counts alone. */
const replaced = new Set([
  'services.*.command',
  'services.*.entrypoint',
  'services.*.healthcheck.test',
  'services.*.post_start',
  'services.*.pre_stop',
]);

/** Kept as often as they are written. */
const repeated = new Set(['services.*.dns', 'services.*.dns_search', 'services.*.env_file', 'services.*.tmpfs']);

export function mergeFiles(base: TreeMap, over: TreeMap): TreeMap {
  return mergeMaps(base, over, '');
}

/** What `extends` names, below the service that extends it. */
export function mergeServices(base: TreeMap, over: TreeMap): TreeMap {
  return mergeMaps(base, over, 'services.*');
}

/** Marks have done their work, or had nothing to do. */
export function withoutMarks(tree: Tree): Tree {
  if (tree instanceof Mark) return tree.kind === 'reset' ? null : withoutMarks(tree.value);
  if (isList(tree)) return tree.filter((item) => !isReset(item)).map(withoutMarks);
  if (!isMap(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, value]) => !isReset(value))
      .map(([name, value]) => [name, withoutMarks(value)]),
  );
}

const isReset = (tree: Tree): boolean => tree instanceof Mark && tree.kind === 'reset';

function mergeMaps(base: TreeMap, over: TreeMap, path: string): TreeMap {
  const merged = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) {
    const before = merged.get(name);
    const inner = innerPath(path, name);
    // A mark stays for what lies below a further file's word.
    if (isReset(value)) merged.delete(name);
    else if (value instanceof Mark) merged.set(name, value.value);
    else merged.set(name, before === undefined ? value : mergeValues(before, value, inner));
  }
  return Object.fromEntries(merged);
}

const freeNames = new Set(['services', 'networks', 'volumes', 'configs', 'secrets', 'models']);

function innerPath(path: string, name: string): string {
  if (path === '') return name;
  return freeNames.has(path) ? `${path}.*` : `${path}.${name}`;
}

function mergeValues(base: Tree, over: Tree, path: string): Tree {
  if (base instanceof Mark) return base.kind === 'reset' ? over : mergeValues(base.value, over, path);
  // A variable without a value is a word of its own: the shell's.
  if (path.startsWith('services.*.environment.')) return over;
  if (over === null) return base;
  if (replaced.has(path)) return over;
  if (path === 'services.*.logging' && isOtherDriver(base, over)) return over;
  if (isMap(base) && isMap(over)) return mergeMaps(base, over, path);
  if (isList(base) && isList(over)) return mergeLists(base, over, path);
  return over;
}

const isOtherDriver = (base: Tree, over: Tree): boolean => {
  const driver = mapOf(over)['driver'];
  return driver !== undefined && driver !== mapOf(base)['driver'];
};

function mergeLists(base: readonly Tree[], over: readonly Tree[], path: string): Tree {
  const keyOf = keyed[path];
  if (keyOf === undefined) return repeated.has(path) ? [...base, ...over] : unique([...base, ...over]);
  const merged = new Map<string, Tree>();
  for (const entry of [...base, ...over]) {
    const key = keyOf(mapOf(entry));
    const before = merged.get(key);
    // Of volumes the later one stands alone: a bind's options would make no sense in a claim.
    const isAlone = before === undefined || path === 'services.*.volumes';
    merged.set(key, isAlone ? entry : { ...mapOf(before), ...mapOf(entry) });
  }
  return [...merged.values()];
}

function unique(items: readonly Tree[]): Tree[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const key = JSON.stringify(item);
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
