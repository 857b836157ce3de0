/**
 * The merged tree as a project: profiles decide which services there are, references are followed, and files that services read
 * (`env_file`, `label_file`, configs, secrets) are read.
 */
import { limits } from '../../lib/limits.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import type { ComposeFiles } from '../files.ts';
import { type Content, isOn, type Network, type Project, type Service, type Volume } from '../model.ts';
import { readEnvFile, readRawEnvFile } from './env-file.ts';
import { checkReferences } from './references.ts';
import { listOf, mapEntries, mapOf, type Tree, type TreeMap, textOf } from './tree.ts';

export interface Loaded {
  readonly tree: TreeMap;
  readonly name: string;
  readonly directory: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Profiles; `*` stands for all. */
  readonly active: readonly string[];
  readonly unset: Set<string>;
}

/** As much as a ConfigMap or Secret holds. */
const contentBytesMax = 1024 * 1024;

export async function finishProject(loaded: Loaded, files: ComposeFiles): Promise<Project> {
  const { tree, active, file } = loaded;
  const all = mapOf(tree['services']);
  const isActive = (service: Tree): boolean => {
    const profiles = listOf(mapOf(service)['profiles']).map(textOf);
    return profiles.length === 0 || active.includes('*') || profiles.some((profile) => active.includes(profile));
  };
  const enabled = mapEntries(all, (service) => (isActive(service) ? service : undefined));
  const off = mapEntries(all, (service) => (isActive(service) ? undefined : service));
  const services = new Map<string, Service>();
  for (const [name, service] of Object.entries(enabled)) {
    services.set(name, await withFiles(mapOf(service), name, loaded, files));
  }
  const section = <T>(name: string): Map<string, T> =>
    new Map(Object.entries(mapOf(tree[name])).map(([key, value]) => [key, mapOf(value) as T]));
  const project: Project = {
    name: loaded.name,
    file,
    directory: loaded.directory,
    services,
    networks: section<Network>('networks'),
    volumes: section<Volume>('volumes'),
    configs: await contents('configs', loaded, files),
    secrets: await contents('secrets', loaded, files),
    notes: [...Object.entries(off).map(leftOut), ...[...loaded.unset].toSorted().map(notSet)],
    tree: { ...tree, services: enabled },
    environment: loaded.environment,
  };
  checkReferences(project, off);
  return project;
}

const leftOut = ([name, service]: [string, Tree]): string => {
  const profiles = listOf(mapOf(service)['profiles']).map(textOf);
  return `services.${name}: left out; it is for ${profiles.length > 1 ? 'the profiles' : 'the profile'} ${profiles.join(', ')} (--profile ${profiles[0] ?? ''})`;
};

const notSet = (name: string): string => `the variable ${name} is not set: it counts as empty`;

async function withFiles(service: TreeMap, name: string, loaded: Loaded, files: ComposeFiles): Promise<TreeMap> {
  const environment = { ...(await envFiles(service, name, loaded, files)), ...mapOf(service['environment']) };
  const labels = { ...(await labelFiles(service, loaded, files)), ...mapOf(service['labels']) };
  const { env_file: _, label_file: __, ...rest } = service;
  return {
    ...rest,
    ...(Object.keys(environment).length > 0 && { environment: resolved(environment, loaded) }),
    ...(Object.keys(labels).length > 0 && { labels: mapEntries(labels, (value) => value ?? '') }),
  };
}

/** A name without a value is the shell's; where it has none, there is no such variable. */
const resolved = (variables: TreeMap, { environment }: Loaded): TreeMap =>
  mapEntries(variables, (value, name) => value ?? environment[name]);

async function envFiles(service: TreeMap, name: string, loaded: Loaded, files: ComposeFiles): Promise<TreeMap> {
  let found: Readonly<Record<string, string | undefined>> = {};
  for (const entry of listOf(service['env_file']).map(mapOf)) {
    const file = textOf(entry['path']);
    const isThere = (await files.kindOf(file)) !== undefined;
    const isNeeded = entry['required'] === undefined || isOn(entry['required'] as boolean | string);
    if (!isThere && !isNeeded) continue;
    if (!isThere) throw new ManifestError(`${loaded.file}: services.${name}.env_file: ${file}: there is no such file`);
    const text = (await files.read(file, contentBytesMax)).toString('utf8');
    const values = { ...found, ...loaded.environment };
    const unset = (variable: string) => loaded.unset.add(variable);
    const read = entry['format'] === 'raw' ? readRawEnvFile(text) : readEnvFile(text, file, { values, unset });
    found = { ...found, ...read };
  }
  return Object.fromEntries(Object.entries(found).map(([variable, value]) => [variable, value ?? null]));
}

async function labelFiles(service: TreeMap, loaded: Loaded, files: ComposeFiles): Promise<TreeMap> {
  let found: Record<string, Tree> = {};
  for (const file of listOf(service['label_file']).map(textOf)) {
    const text = (await files.read(file, contentBytesMax)).toString('utf8');
    const unset = (variable: string) => loaded.unset.add(variable);
    const labels = readEnvFile(text, file, { values: loaded.environment, unset });
    found = { ...found, ...mapEntries(labels as TreeMap, (value) => value ?? '') };
  }
  return found;
}

async function contents(
  section: 'configs' | 'secrets',
  loaded: Loaded,
  files: ComposeFiles,
): Promise<Map<string, Content>> {
  const found = new Map<string, Content>();
  const used = new Set(
    Object.values(mapOf(loaded.tree['services'])).flatMap((service) =>
      listOf(mapOf(service)[section]).map((reference) => textOf(mapOf(reference)['source'])),
    ),
  );
  for (const [name, tree] of Object.entries(mapOf(loaded.tree[section]))) {
    const { file, environment, content, ...rest } = mapOf(tree);
    // What nobody mounts is not read: its file may be there for others.
    if (!used.has(name)) continue;
    const where = `${loaded.file}: ${section}.${name}`;
    const own = isOn(rest['external'] as boolean | string | undefined)
      ? undefined
      : await contentOf({ file, environment, content }, where, loaded, files);
    found.set(name, { ...(rest as Content), ...(own && { content: own }) });
  }
  return found;
}

async function contentOf(
  { file, environment, content }: { readonly [key: string]: Tree | undefined },
  where: string,
  loaded: Loaded,
  files: ComposeFiles,
): Promise<Buffer> {
  if (typeof content === 'string') return bounded(Buffer.from(content), where);
  if (typeof environment === 'string') {
    const value = loaded.environment[environment];
    if (value === undefined) throw new ManifestError(`${where}: the variable ${environment} is not set`);
    return bounded(Buffer.from(value), where);
  }
  if (typeof file !== 'string')
    throw new ManifestError(
      `${where} needs file, environment, ${where.includes('configs') ? 'content ' : ''}or external: true`,
    );
  if ((await files.kindOf(file)) !== 'file') throw new ManifestError(`${where}.file: ${file}: there is no such file`);
  return files.read(file, Math.min(contentBytesMax, limits.yamlCharactersMax * 2));
}

function bounded(content: Buffer, where: string): Buffer {
  if (content.length <= contentBytesMax) return content;
  throw new ManifestError(`${where}: its content is longer than ${contentBytesMax} bytes`);
}
