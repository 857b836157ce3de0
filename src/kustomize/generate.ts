/** ConfigMaps and Secrets made of files, literals and env files; and what becomes of those that a base has made already. */
import path from 'node:path';
import type { JsonObject } from '../api/object.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { Generator, GeneratorOptions, Kustomization } from './kustomization.ts';
import { Resource, type Resources, shownId } from './resource.ts';

/** Reads a file at or below the kustomization's folder. */
export type ReadFile = (name: string, what: string) => Promise<Buffer>;

/** ConfigMaps first, each in the order written. @throws ManifestError */
export async function generate(
  resources: Resources,
  kustomization: Kustomization,
  read: ReadFile,
  file: string,
): Promise<void> {
  for (const [kind, generators] of [
    ['ConfigMap', kustomization.configMapGenerator],
    ['Secret', kustomization.secretGenerator],
  ] as const) {
    for (const generator of generators) {
      const options = joined(generator.options, kustomization.generatorOptions);
      absorb(resources, await made(kind, generator, options, read, file), generator.behavior ?? 'create', file);
    }
  }
}

/** What a generator says itself wins; a switch that is on for all is on. */
function joined(own: GeneratorOptions = {}, all: GeneratorOptions = {}): GeneratorOptions {
  return {
    labels: { ...all.labels, ...own.labels },
    annotations: { ...all.annotations, ...own.annotations },
    disableNameSuffixHash: (own.disableNameSuffixHash ?? false) || (all.disableNameSuffixHash ?? false),
    immutable: (own.immutable ?? false) || (all.immutable ?? false),
  };
}

async function made(
  kind: 'ConfigMap' | 'Secret',
  generator: Generator,
  options: GeneratorOptions,
  read: ReadFile,
  file: string,
): Promise<Resource> {
  const { name, namespace, type } = generator;
  if (!name)
    throw new ManifestError(`${file}: a ${kind === 'Secret' ? 'secretGenerator' : 'configMapGenerator'} has no name`);
  const where = `${file}: ${name}`;
  const content = contentOf(kind, await pairsOf(generator, read, where), where);
  const { labels = {}, annotations = {} } = options;
  const metadata: JsonObject = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(Object.keys(labels).length > 0 && { labels: { ...labels } }),
    ...(Object.keys(annotations).length > 0 && { annotations: { ...annotations } }),
  };
  const resource = new Resource(
    {
      apiVersion: 'v1',
      kind,
      metadata,
      ...content,
      ...(kind === 'Secret' && { type: type ?? 'Opaque' }),
      ...(options.immutable === true && { immutable: true }),
    },
    where,
  );
  resource.needsHash = options.disableNameSuffixHash !== true;
  return resource;
}

type Pair = readonly [key: string, value: Buffer];

async function pairsOf(generator: Generator, read: ReadFile, where: string): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (const env of [...(generator.envs ?? []), ...(generator.env === undefined ? [] : [generator.env])]) {
    pairs.push(...linesOf((await read(env, where)).toString('utf8'), `${where}, ${env}`));
  }
  for (const [index, literal] of (generator.literals ?? []).entries())
    pairs.push(literalOf(literal, `${where}, literals[${index}]`));
  for (const source of generator.files ?? []) {
    const at = source.indexOf('=');
    const key = at < 0 ? path.basename(source) : source.slice(0, at);
    const name = at < 0 ? source : source.slice(at + 1);
    if (key === '' || name === '') throw new ManifestError(`${where}: files takes NAME or KEY=NAME, not "${source}"`);
    pairs.push([key, await read(name, where)]);
  }
  return pairs;
}

function literalOf(literal: string, where: string): Pair {
  const at = literal.indexOf('=');
  // It may be a secret, and is not shown.
  if (at <= 0) throw new ManifestError(`${where}: a literal is KEY=VALUE, and this one is not`);
  return [literal.slice(0, at), Buffer.from(literal.slice(at + 1).replace(/^(["'])(.*)\1$/s, '$2'))];
}

/** `KEY=VALUE` a line; quotes belong to the value. */
function linesOf(text: string, where: string): Pair[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const trimmed = line.trimStart();
      if (trimmed === '' || trimmed.startsWith('#')) return [];
      const at = trimmed.indexOf('=');
      const key = at < 0 ? trimmed : trimmed.slice(0, at);
      if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(key)) {
        const what = at < 0 ? 'the line' : `"${key}"`;
        throw new ManifestError(`${where}:${index + 1}: ${what} is no name for a variable`);
      }
      return [[key, Buffer.from(at < 0 ? '' : trimmed.slice(at + 1))] as const];
    });
}

function contentOf(kind: 'ConfigMap' | 'Secret', pairs: readonly Pair[], where: string): JsonObject {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [key, value] of pairs) {
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key))
      throw new ManifestError(`${where}: "${key}" cannot be a key (letters, digits, - _ .)`);
    if (Object.hasOwn(data, key) || Object.hasOwn(binaryData, key))
      throw new ManifestError(`${where}: the key "${key}" is there twice`);
    if (kind === 'Secret') data[key] = value.toString('base64');
    else if (isUtf8(value)) data[key] = value.toString('utf8');
    else binaryData[key] = value.toString('base64');
  }
  return {
    ...(Object.keys(data).length > 0 && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  };
}

const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);

function absorb(resources: Resources, resource: Resource, behavior: string, file: string): void {
  const [before] = resources.matching(resource.id);
  if (behavior === 'create') {
    resources.add(resource);
    return;
  }
  if (behavior !== 'merge' && behavior !== 'replace') {
    throw new ManifestError(`${file}: behavior must be create, merge or replace, not ${behavior}`);
  }
  if (before === undefined) {
    throw new ManifestError(`${file}: there is no ${shownId(resource.id)} to ${behavior}; behavior: create makes one`);
  }
  const { metadata, object } = before;
  const texts = (field: string): JsonObject => ({
    ...recordOf(metadata[field]),
    ...recordOf((resource.object['metadata'] as JsonObject)[field]),
  });
  const kept = Object.fromEntries(
    ['labels', 'annotations']
      .map((field) => [field, texts(field)])
      .filter(([, map]) => Object.keys(map as object).length > 0),
  ) as JsonObject;
  const contents = behavior === 'replace' ? {} : mergedContents(object, resource.object);
  before.object = { ...resource.object, ...contents, metadata: { ...metadata, ...kept } };
  before.needsHash = resource.needsHash;
}

/** A key that moves from text to bytes, or back, stands in one place only. */
function mergedContents(old: JsonObject, added: JsonObject): JsonObject {
  const fields = ['data', 'binaryData'] as const;
  const addedKeys = new Set(fields.flatMap((field) => Object.keys(recordOf(added[field]))));
  return Object.fromEntries(
    fields.flatMap((field) => {
      const stays = Object.entries(recordOf(old[field])).filter(([key]) => !addedKeys.has(key));
      const all = { ...Object.fromEntries(stays), ...recordOf(added[field]) };
      return Object.keys(all).length > 0 ? [[field, all]] : [];
    }),
  );
}

const recordOf = (value: unknown): JsonObject => (isRecord(value as JsonObject) ? (value as JsonObject) : {});
