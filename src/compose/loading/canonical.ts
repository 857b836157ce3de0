/**
 * Every short form of a Compose file in its long form, and every path of this machine made absolute, so that files can be merged key by key
 * and whoever reads the outcome meets one form only. Works under marks, too.
 */
import { ManifestError } from '../../manifests/source-object.ts';
import { canonicalMount } from './canonical-mounts.ts';
import { canonicalPorts } from './canonical-ports.ts';
import { absolute, isAddress } from './paths.ts';
import { splitWords } from './shell-words.ts';
import { isList, isMap, mapEntries, mapOf, type Tree, type TreeMap, textOf, within } from './tree.ts';

/** Where a value stands. */
export interface Place {
  /** What relative paths start from. */
  readonly directory: string;
  /** For errors: the file and the key. */
  readonly where: string;
}

type Form = (value: Tree, place: Place) => Tree;

export function canonicalFile(tree: Tree, directory: string, file: string): TreeMap {
  const under =
    (forms: Forms): Form =>
    (value, place) =>
      eachEntry(value, place, forms);
  const place = { directory, where: file };
  return applied(mapOf(tree), place, {
    services: under(serviceForms),
    networks: under(networkForms),
    volumes: under(volumeForms),
    configs: under(contentForms),
    secrets: under(contentForms),
    include: (value) =>
      isList(value) ? value.map((each) => (typeof each === 'string' ? { path: each } : each)) : value,
  });
}

type Forms = Readonly<Record<string, Form>>;

const named = /^[a-zA-Z0-9._-]+$/;

function eachEntry(value: Tree, { directory, where }: Place, forms: Forms): Tree {
  return mapEntries(mapOf(value), (each, name) => {
    if (!named.test(name)) {
      throw new ManifestError(`${where}.${name}: names are made of letters, digits, dots, dashes and underscores`);
    }
    const place = { directory, where: `${where}.${name}` };
    return within(each, (inner) => applied(mapOf(inner), place, forms));
  });
}

function applied(map: TreeMap, place: Place, forms: Forms): TreeMap {
  const start = place.where.includes(':') ? '.' : ': ';
  return mapEntries(map, (value, name) => {
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (form === undefined || value === null) return value;
    return within(value, (inner) =>
      inner === null ? null : form(inner, { ...place, where: `${place.where}${start}${name}` }),
    );
  });
}

const words: Form = (value, { where }) => (typeof value === 'string' ? splitWords(value, where) : value);
const single: Form = (value) => (typeof value === 'string' ? [value] : value);
const inside =
  (forms: Forms): Form =>
  (value, place) =>
    isMap(value) ? applied(value, place, forms) : value;
const each =
  (form: Form): Form =>
  (value, place) =>
    isList(value)
      ? value.map((item, index) =>
          within(item, (inner) => form(inner, { ...place, where: `${place.where}[${index}]` })),
        )
      : value;

/** `a=b` in a list; a name alone has no value. */
const pairs: Form = (value) => {
  if (isMap(value)) return mapEntries(value, (inner) => within(inner, (it) => (it === null ? null : textOf(it))));
  if (!isList(value)) return value;
  const found = value.map((item): [string, Tree] => {
    const line = textOf(item);
    const sign = line.indexOf('=');
    return sign < 0 ? [line, null] : [line.slice(0, sign), line.slice(sign + 1)];
  });
  return Object.fromEntries(found);
};

/** `name:address` or `name=address`; an address may stand in brackets. */
const hosts: Form = (value, { where }) => {
  if (isMap(value)) return mapEntries(value, (addresses) => (typeof addresses === 'string' ? [addresses] : addresses));
  if (!isList(value)) return value;
  const found: Record<string, string[]> = {};
  for (const item of value.map(textOf)) {
    const match = /^([^=:]+)[=:](.+)$/.exec(item);
    if (match === null) throw new ManifestError(`${where}: ${JSON.stringify(item)} must be NAME=ADDRESS`);
    const [, name = '', address = ''] = match;
    found[name] = [...(found[name] ?? []), address.replace(/^\[(.*)\]$/, '$1')];
  }
  return found;
};

const conditions: Form = (value) =>
  isList(value) ? Object.fromEntries(value.map((name) => [textOf(name), { condition: 'service_started' }])) : value;

const names: Form = (value) => (isList(value) ? Object.fromEntries(value.map((name) => [textOf(name), null])) : value);

const file: Form = (value, { directory }) => (typeof value === 'string' ? absolute(value, directory) : value);

/** A URL stays what it is. */
const folder: Form = (value, { directory }) =>
  typeof value === 'string' && !isAddress(value) ? absolute(value, directory) : value;

const build: Form = (value, place) =>
  applied(typeof value === 'string' ? { context: value } : { context: '.', ...mapOf(value) }, place, {
    context: folder,
    args: pairs,
    labels: pairs,
    extra_hosts: hosts,
    additional_contexts: pairs,
  });

const envFiles: Form = (value, place) =>
  each((item) => {
    const long: TreeMap = isMap(item) ? item : { path: item };
    return applied(long, place, { path: file });
  })(single(value, place), place);

const gpuList: Form = (value) => (value === 'all' ? [{ count: 'all' }] : value);
const hooks = each(inside({ command: words, environment: pairs }));
const references = each((item) => (typeof item === 'string' ? { source: item } : item));

const healthcheck = inside({ test: (value) => (typeof value === 'string' ? ['CMD-SHELL', value] : value) });

const serviceForms: Forms = {
  annotations: pairs,
  build,
  command: words,
  configs: references,
  depends_on: conditions,
  deploy: inside({ labels: pairs }),
  dns: single,
  dns_search: single,
  entrypoint: words,
  env_file: envFiles,
  environment: pairs,
  extends: (value, place) => applied(typeof value === 'string' ? { service: value } : mapOf(value), place, { file }),
  extra_hosts: hosts,
  gpus: gpuList,
  healthcheck,
  label_file: (value, place) => each(file)(single(value, place), place),
  labels: pairs,
  networks: names,
  ports: (value, { where }) => (isList(value) ? canonicalPorts(value, where) : value),
  post_start: hooks,
  pre_stop: hooks,
  secrets: references,
  sysctls: pairs,
  tmpfs: single,
  volumes: each(canonicalMount),
};

const external: Form = (value) => (isMap(value) ? true : value);

const networkForms: Forms = { labels: pairs, external };
const volumeForms: Forms = { labels: pairs, external };
const contentForms: Forms = { labels: pairs, file, external };
