/**
 * Compose files as one project: each is read, its variables put in, checked, brought to canonical form, joined with what it extends, and
 * merged with the ones before; then come the files that it includes, the profiles, and what services read from files.
 *
 * ```
 * text ─▶ tree ─▶ variables ─▶ check ─▶ canonical ─▶ extends ─▶ merge ─▶ include ─▶ profiles ─▶ project
 * ```
 */
import path from 'node:path';
import { limits } from '../../lib/limits.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import type { ComposeFiles } from '../files.ts';
import type { Project } from '../model.ts';
import { canonicalFile } from './canonical.ts';
import { checkFile } from './check.ts';
import { type EnvFile, readEnvFile } from './env-file.ts';
import { resolveExtends } from './extends.ts';
import { finishProject } from './finish.ts';
import { interpolate, interpolateTree, type Variables } from './interpolate.ts';
import { mergeFiles, withoutMarks } from './merge.ts';
import { absolute, isAddress } from './paths.ts';
import { listOf, mapOf, type Tree, type TreeMap } from './tree.ts';
import { readYaml } from './yaml.ts';

export interface LoadOptions {
  readonly files: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly envFiles?: readonly string[];
  readonly profiles?: readonly string[];
  readonly projectName?: string;
}

const sections = ['services', 'networks', 'volumes', 'configs', 'secrets', 'models'] as const;
const includesMax = 100;

/** @throws ManifestError */
export async function loadProject(options: LoadOptions, files: ComposeFiles): Promise<Project> {
  const [first = ''] = options.files;
  const directory = options.files.length === 0 ? options.directory : path.dirname(first);
  const loader = new Loader(files, directory);
  const environment = await loader.environment(options, directory);
  const name = await loader.projectName(options, environment, directory);
  const values = { ...environment, COMPOSE_PROJECT_NAME: name };
  const tree = await loader.application(options.files, directory, values, []);
  const active = [...(options.profiles ?? []), ...split(environment['COMPOSE_PROFILES'], ',')];
  return finishProject(
    { tree, name, directory, file: loader.shown(first), environment: values, active, unset: loader.unset },
    files,
  );
}

const split = (text: string | undefined, by: string): string[] =>
  (text ?? '').split(by).flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));

type Values = Readonly<Record<string, string | undefined>>;

class Loader {
  readonly unset = new Set<string>();
  readonly #files: ComposeFiles;
  readonly #root: string;
  #read = 0;

  constructor(files: ComposeFiles, root: string) {
    this.#files = files;
    this.#root = root;
  }

  /** As people would name it from the project's folder. */
  shown(file: string): string {
    const relative = path.relative(this.#root, file);
    return relative.startsWith('..') || relative === '' ? file : relative;
  }

  /** The shell's variables before those of `.env`. */
  async environment({ environment, envFiles }: LoadOptions, directory: string): Promise<Values> {
    const named = envFiles ?? split(environment['COMPOSE_ENV_FILES'], ',').map((file) => path.resolve(directory, file));
    const isOff = /^(true|1|yes|on)$/i.test(environment['COMPOSE_DISABLE_ENV_FILE'] ?? '');
    if (named.length === 0 && isOff) return environment;
    return this.#withEnvFiles(named, path.join(directory, '.env'), environment);
  }

  async #withEnvFiles(named: readonly string[], usual: string, outer: Values): Promise<Values> {
    const isUsual = named.length === 0;
    if (isUsual && (await this.#files.kindOf(usual)) !== 'file') return outer;
    let found: EnvFile = {};
    for (const file of isUsual ? [usual] : named) {
      const text = (await this.#files.read(file, limits.yamlCharactersMax)).toString('utf8');
      found = { ...found, ...readEnvFile(text, this.shown(file), this.#variables({ ...found, ...outer })) };
    }
    return { ...found, ...outer };
  }

  async projectName({ projectName, files }: LoadOptions, environment: Values, directory: string): Promise<string> {
    let written: string | undefined;
    for (const file of files) {
      const name = mapOf(readYaml(await this.#text(file), this.shown(file)))['name'];
      if (typeof name === 'string') {
        written = interpolate(name, { values: environment, unset: () => {} }, `${this.shown(file)}: name`);
      }
    }
    const explicit = [projectName, environment['COMPOSE_PROJECT_NAME'], written].find(
      (name) => name !== undefined && name !== '',
    );
    const name =
      explicit ??
      path
        .basename(directory)
        .toLowerCase()
        .replace(/[^a-z0-9_-]/g, '')
        .replace(/^[_-]+/, '');
    if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return name;
    throw new ManifestError(
      `the project's name ${JSON.stringify(name)} must begin with a lower-case letter or digit, and hold nothing but those, dashes and underscores; set name: in the file, or --project-name`,
    );
  }

  /** Files merged into one, with what they include. `chain`: the files that led here. */
  async application(
    files: readonly string[],
    directory: string,
    values: Values,
    chain: readonly string[],
  ): Promise<TreeMap> {
    let merged: TreeMap = {};
    for (const file of files) {
      const tree = await this.#file(file, directory, values);
      merged = mergeFiles(merged, await this.#extended(tree, merged, file, directory, values));
    }
    const whole = mapOf(withoutMarks(merged));
    return this.#withIncluded(whole, files, directory, values, chain);
  }

  async #file(file: string, directory: string, values: Values): Promise<TreeMap> {
    const shown = this.shown(file);
    const tree = interpolateTree(readYaml(await this.#text(file), shown), this.#variables(values), shown);
    checkFile(tree, shown);
    return canonicalFile(tree, directory, shown);
  }

  async #extended(tree: TreeMap, before: TreeMap, file: string, directory: string, values: Values): Promise<TreeMap> {
    return resolveExtends(tree, {
      file,
      shown: (each) => this.shown(each),
      // A service of an earlier file may be extended, too.
      serviceOf: (name) => mapOf(tree['services'])[name] ?? mapOf(before['services'])[name],
      open: async (other) => {
        if (isAddress(other))
          throw new ManifestError(`${this.shown(file)}: extends: ${other} is not fetched; save it beside this file`);
        return this.#file(other, path.dirname(other), values);
      },
      directory,
    });
  }

  async #withIncluded(
    own: TreeMap,
    files: readonly string[],
    directory: string,
    values: Values,
    chain: readonly string[],
  ): Promise<TreeMap> {
    const [first = ''] = files;
    let whole: TreeMap = own;
    for (const each of listOf(own['include'])) {
      const included = await this.#included(mapOf(each), first, directory, values, [...chain, ...files]);
      whole = joined(whole, included, this.shown(first));
    }
    const { include: _, ...rest } = whole;
    return rest;
  }

  async #included(
    entry: TreeMap,
    from: string,
    directory: string,
    values: Values,
    chain: readonly string[],
  ): Promise<TreeMap> {
    const paths = texts(entry['path']).map((file) => this.#includePath(file, from, directory));
    const [first] = paths;
    if (first === undefined) throw new ManifestError(`${this.shown(from)}: include needs path`);
    if (paths.some((file) => chain.includes(file)) || ++this.#read > includesMax) {
      throw new ManifestError(
        `${this.shown(from)}: include goes round in a circle: ${[...chain, first].map((file) => this.shown(file)).join(' -> ')}`,
      );
    }
    const folder = entry['project_directory'];
    const own = typeof folder === 'string' ? absolute(folder, directory) : path.dirname(first);
    const named = texts(entry['env_file']).map((file) => absolute(file, directory));
    return this.application(paths, own, await this.#withEnvFiles(named, path.join(own, '.env'), values), chain);
  }

  #includePath(file: string, from: string, directory: string): string {
    if (!isAddress(file)) return absolute(file, directory);
    throw new ManifestError(`${this.shown(from)}: include: ${file} is not fetched; save it beside this file`);
  }

  async #text(file: string): Promise<string> {
    return (await this.#files.read(file, limits.yamlCharactersMax)).toString('utf8');
  }

  #variables(values: Values): Variables {
    return { values, unset: (name) => this.unset.add(name) };
  }
}

const texts = (tree: Tree | undefined): string[] =>
  typeof tree === 'string' ? [tree] : listOf(tree).filter((each) => typeof each === 'string');

/** What is included is copied, never merged: the same name with two meanings is a fault. */
function joined(own: TreeMap, included: TreeMap, file: string): TreeMap {
  const result: Record<string, Tree> = { ...own };
  for (const section of sections) {
    const [ours, theirs] = [mapOf(own[section]), mapOf(included[section])];
    const clash = Object.keys(theirs).find(
      (name) => name in ours && JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]),
    );
    if (clash !== undefined) {
      throw new ManifestError(
        `${file}: ${section}.${clash} stands here and in an included file, and they differ; give one another name, or override it in a second file of that include`,
      );
    }
    if (Object.keys(theirs).length > 0) result[section] = { ...ours, ...theirs };
  }
  return result;
}
