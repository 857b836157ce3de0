/** `package.json` and its lock file: what of them says how the application is installed, built and started. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { limits } from '../../lib/limits.ts';
import { isInRange } from './semver-range.ts';

export interface PackageFile {
  readonly name: string;
  readonly version?: string;
  readonly main?: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  /** Range of Node.js' versions. */
  readonly engine?: string;
  readonly hasDependencies: boolean;
}

export interface LockFile {
  readonly name: 'package-lock.json' | 'npm-shrinkwrap.json';
  readonly text: string;
  /** Packages that would run a script of their own when they are installed. */
  readonly withInstallScript: readonly string[];
}

/** @throws Error that names the file and what is wrong */
export async function readPackageFile(folder: string): Promise<PackageFile> {
  const file = path.join(folder, 'package.json');
  const text = await readBounded(file);
  if (text === undefined) throw new Error(`there is no ${file}: a Node.js application has one (npm init)`);
  const whole = parsed(file, text);
  const name = textOf(whole['name']) ?? path.basename(path.resolve(folder));
  const [version, main] = [textOf(whole['version']), textOf(whole['main'])];
  const bin = textOf(whole['bin']);
  const engine = textsOf(whole['engines'])['node'];
  const lists = ['dependencies', 'optionalDependencies', 'devDependencies'].map((key) => whole[key]);
  return {
    name,
    ...(version !== undefined && { version }),
    ...(main !== undefined && { main }),
    bin: bin === undefined ? textsOf(whole['bin']) : { [name.replace(/^@[^/]*\//, '')]: bin },
    scripts: textsOf(whole['scripts']),
    ...(engine !== undefined && { engine }),
    hasDependencies:
      lists.some((list) => isObject(list) && Object.keys(list).length > 0) || whole['workspaces'] !== undefined,
  };
}

/** Undefined where it may be absent. @throws Error that says how to make one */
export async function readLockFile(folder: string, { hasDependencies }: PackageFile): Promise<LockFile | undefined> {
  // npm itself prefers them in this order.
  for (const name of ['npm-shrinkwrap.json', 'package-lock.json'] as const) {
    const text = await readBounded(path.join(folder, name));
    if (text !== undefined) return lockFile(path.join(folder, name), name, text);
  }
  if (!hasDependencies) return undefined;
  for (const [name, tool] of otherLocks) {
    if (await exists(path.join(folder, name))) {
      throw new Error(
        `${folder} is locked by ${tool} (${name}), and naru installs with npm: make a lock file with npm install --package-lock-only, or use a Dockerfile`,
      );
    }
  }
  throw new Error(
    `${folder} has dependencies and no lock file, so that two builds could differ: make one with npm install --package-lock-only`,
  );
}

const otherLocks = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
] as const;

function lockFile(file: string, name: LockFile['name'], text: string): LockFile {
  const lock = parsed(file, text);
  if (typeof lock['lockfileVersion'] !== 'number' || lock['lockfileVersion'] < 2) {
    throw new Error(`${file} is of an old npm (version 1): renew it with npm install --package-lock-only`);
  }
  const packages = isObject(lock['packages']) ? Object.entries(lock['packages']) : [];
  const scripted = packages.filter(
    ([, one]) => isObject(one) && one['hasInstallScript'] === true && one['dev'] !== true,
  );
  return { name, text, withInstallScript: scripted.map(([place]) => place.replace(/^.*node_modules\//, '')) };
}

/** @throws Error where the application does not want this Node.js */
export function checkEngine({ name, engine }: PackageFile, version: string, wayOut: string): void {
  if (engine === undefined || isInRange(version, engine) !== false) return;
  throw new Error(
    `${name} wants Node.js ${engine} (engines in package.json), and the image would have ${version}; ${wayOut}`,
  );
}

async function readBounded(file: string): Promise<string | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) return undefined;
  if (!facts.isFile() || facts.size > limits.lockFileBytesMax) throw new Error(`${file} is no file of a usual size`);
  return readFile(file, 'utf8');
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

function parsed(file: string, text: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, '')) as JsonValue;
  } catch (error) {
    throw new Error(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isObject(value)) throw new Error(`${file} must hold an object`);
  return value;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function textsOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
