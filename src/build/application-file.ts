/**
 * `naru.yaml` in a folder: which images its manifests name, and how each is made. It is for naru alone and never goes into a cluster.
 *
 *     apiVersion: naru.io/v1
 *     kind: Application
 *     images:
 *       - name: shop/web:1            # as the manifests name it
 *         build: web                  # a folder beside this file
 *       - name: shop/legacy:1
 *         build: legacy
 *         dockerfile: Dockerfile.prod # with target and arguments, too
 *       - name: shop/redis:7
 *         debian: {packages: [redis-server], user: redis, entrypoint: [/usr/bin/redis-server]}
 *
 * Folders lie in the file's own; what is not known is refused with the place where it stands.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { JsonObject, JsonValue } from '../api/object.ts';
import { parseYaml } from '../api/yaml.ts';
import type { DebianRecipe, ImageRecipe } from '../deploy/application.ts';
import { parseReference } from '../images/reference.ts';
import { limits } from '../lib/limits.ts';

export const applicationFile = 'naru.yaml';

/** None where the folder has no such file. @throws Error that names the file, the field and what it must be */
export async function readRecipes(folder: string): Promise<readonly ImageRecipe[]> {
  const file = path.join(folder, applicationFile);
  const text = await textOf(file);
  if (text === undefined) return [];
  try {
    return parseRecipes(text, path.resolve(folder));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function textOf(file: string): Promise<string | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) return undefined;
  if (!facts.isFile() || facts.size > limits.configurationFileBytesMax) {
    throw new Error(`${file} is no file of at most ${limits.configurationFileBytesMax} bytes`);
  }
  return readFile(file, 'utf8');
}

/** Pure. @throws Error with field and reason */
export function parseRecipes(text: string, folder: string): readonly ImageRecipe[] {
  const root = new Fields(parseYaml(text).value, '');
  const head = `${root.text('apiVersion') ?? ''} ${root.text('kind') ?? ''}`;
  if (head !== 'naru.io/v1 Application')
    throw new Error('it must begin with apiVersion: naru.io/v1, kind: Application');
  const recipes = root.list('images').map((value, index) => recipeOf(new Fields(value, `images[${index}]`), folder));
  root.end();
  const names = recipes.map(({ name }) => parseReference(name).canonical);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Error(`images names ${twice} twice`);
  return recipes;
}

function recipeOf(fields: Fields, folder: string): ImageRecipe {
  const name = imageName(fields);
  const build = fields.text('build');
  const debian = fields.object('debian');
  if ((build === undefined) === (debian === undefined)) {
    throw new Error(`${fields.place} needs either build (a folder) or debian (packages)`);
  }
  const dockerfile = fields.text('dockerfile');
  const target = fields.text('target');
  const given = fields.texts('arguments');
  fields.end();
  if (debian !== undefined) return { name, context: folder, debian: debianRecipe(debian) };
  return {
    name,
    context: within(folder, build ?? '', fields.place),
    ...(dockerfile !== undefined && { dockerfile }),
    ...(target !== undefined && { target }),
    ...(given !== undefined && { arguments: given }),
  };
}

function imageName(fields: Fields): string {
  const name = fields.text('name');
  if (name === undefined) throw new Error(`${fields.place} needs a name, such as shop/web:1`);
  const { digest } = parseReference(name);
  if (digest !== undefined) throw new Error(`${fields.place}.name: what is built has no digest yet: ${name}`);
  return name;
}

function within(folder: string, build: string, place: string): string {
  const context = path.resolve(folder, build);
  if (context === folder || context.startsWith(folder === '/' ? '/' : `${folder}/`)) return context;
  throw new Error(`${place}.build leads out of the folder: ${build}`);
}

function debianRecipe(fields: Fields): DebianRecipe {
  const packages = fields.words('packages') ?? [];
  if (packages.length === 0) throw new Error(`${fields.place} needs packages`);
  const patterns = (fields.words('without') ?? []).map((name) => name.replaceAll('*', ''));
  const bad = [...packages, ...patterns].find((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name));
  if (bad !== undefined) throw new Error(`${fields.place}: "${bad}" is not the name of a package`);
  const lists = ['programs', 'entrypoint', 'command', 'without', 'folders'] as const;
  const texts = ['user', 'workdir', 'stopSignal'] as const;
  const env = fields.texts('env');
  const recipe = {
    packages,
    ...defined(lists.map((name) => [name, fields.words(name)])),
    ...defined(texts.map((name) => [name, fields.text(name)])),
    ...(env !== undefined && { env }),
  };
  fields.end();
  return recipe;
}

const defined = (entries: readonly (readonly [string, unknown])[]): object =>
  Object.fromEntries(entries.filter(([, value]) => value !== undefined));

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A mapping that is read field by field: `end` refuses what nobody asked for. */
class Fields {
  readonly place: string;
  readonly #values: JsonObject;
  readonly #known = new Set<string>();

  constructor(value: JsonValue | undefined, place: string) {
    if (!isObject(value)) throw new Error(`${place === '' ? 'it' : place} must be a mapping`);
    this.place = place;
    this.#values = value;
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'string') return value;
    throw new Error(`${this.#at(name)} must be a text`);
  }

  words(name: string): readonly string[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value;
    throw new Error(`${this.#at(name)} must be a list of texts`);
  }

  texts(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const entries = isObject(value) ? Object.entries(value) : [];
    if (isObject(value) && entries.every(([, one]) => ['string', 'number', 'boolean'].includes(typeof one))) {
      return Object.fromEntries(
        entries.map(([key, one]) => [key, typeof one === 'string' ? one : JSON.stringify(one)]),
      );
    }
    throw new Error(`${this.#at(name)} must be a mapping of names to texts`);
  }

  list(name: string): readonly JsonValue[] {
    const value = this.#take(name) ?? [];
    if (Array.isArray(value)) return value;
    throw new Error(`${this.#at(name)} must be a list`);
  }

  object(name: string): Fields | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : new Fields(value, this.#at(name));
  }

  end(): void {
    const unknown = Object.keys(this.#values).find((name) => !this.#known.has(name));
    if (unknown !== undefined)
      throw new Error(`${this.#at(unknown)} is not known; there are ${[...this.#known].join(', ')}`);
  }

  #take(name: string): JsonValue | undefined {
    this.#known.add(name);
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return value ?? undefined;
  }

  #at(name: string): string {
    return this.place === '' ? name : `${this.place}.${name}`;
  }
}
