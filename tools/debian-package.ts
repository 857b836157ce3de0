/**
 * Fetches packages from a Debian suite that this machine does not follow, and unpacks them into a cache.
 *
 * It works with an apt configuration of its own, so that the system's sources, lists and packages stay as they are and no
 * root is needed: the machine's mirror, one suite, own folders for lists and archives. Signatures are checked with the
 * machine's Debian keyring. Nothing is installed and dependencies are not followed.
 *
 * Several callers, also in several processes, may ask at once: one at a time works in the cache (a lock that ends with its
 * holder), and an unpacked package appears whole, by a rename.
 */
import { execFile, spawn } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, RealClock } from '../src/lib/clock.ts';

const run = promisify(execFile);

export interface DebianPackageRequest {
  readonly name: string;
  /** `sid` where absent. */
  readonly suite?: string;
  /** The suite's newest where absent. */
  readonly version?: string;
  /** Usually the project's `.cache`. */
  readonly cacheDir: string;
}

/** Lists older than this are fetched again when a package is not in the cache yet. */
const listsMsMax = 24 * 60 * 60 * 1000;

/**
 * The folder that holds the unpacked package: what `dpkg -x` writes, and `.version`. What is in the cache is taken from
 * there, without a network; remove the folder to get a newer version.
 */
export async function fetchDebianPackage(
  { name, suite, version, cacheDir }: DebianPackageRequest,
  clock?: Clock,
): Promise<string> {
  const versions = version === undefined ? new Map<string, string>() : new Map([[name, version]]);
  const folders = await fetchAll([name], versions, rootOf(cacheDir, suite), clock);
  return folders.get(name) as string;
}

/** The newest of several packages of a suite, by name: apt is asked once for all, which takes little longer than for one. */
export function fetchDebianPackages(
  names: readonly string[],
  suite: string,
  cacheDir: string,
  clock?: Clock,
): Promise<ReadonlyMap<string, string>> {
  return fetchAll(names, new Map(), rootOf(cacheDir, suite), clock);
}

interface Root {
  readonly folder: string;
  readonly suite: string;
}

function rootOf(cacheDir: string, suite = 'sid'): Root {
  return { folder: resolve(cacheDir, 'debian', suite), suite };
}

async function fetchAll(
  names: readonly string[],
  versions: ReadonlyMap<string, string>,
  root: Root,
  clock: Clock = new RealClock(),
): Promise<ReadonlyMap<string, string>> {
  const targetOf = (name: string): string => {
    const version = versions.get(name);
    return join(root.folder, 'unpacked', version === undefined ? name : `${name}_${version}`);
  };
  const targets = new Map(names.map((name) => [name, targetOf(name)]));
  const isMissing = (name: string): boolean => !existsSync(targetOf(name));
  if (!names.some(isMissing)) return targets;
  mkdirSync(root.folder, { recursive: true });
  return withLock(join(root.folder, 'lock'), async () => {
    const missing = names.filter(isMissing);
    if (missing.length > 0) await fetchInto(missing, targets, versions, root, clock);
    return targets;
  });
}

/** The version of a package that `fetchDebianPackage` unpacked. */
export function unpackedVersion(folder: string): string {
  return readFileSync(join(folder, '.version'), 'utf8').trim();
}

async function fetchInto(
  names: readonly string[],
  targets: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
  root: Root,
  clock: Clock,
): Promise<void> {
  const config = writeConfig(root.folder, root.suite);
  await updateLists(config, root.folder, clock);
  const unversioned = names.filter((name) => !wanted.has(name));
  const versions = new Map([...wanted, ...(await newestVersions(config, unversioned, root.suite))]);
  const work = mkdtempSync(join(root.folder, 'fetch-'));
  try {
    await apt(['download', ...names.map((name) => `${name}=${versions.get(name)}`)], config, work);
    mkdirSync(join(root.folder, 'unpacked'), { recursive: true });
    for (const name of names) {
      const [archive] = globSync(`${name}_*.deb`, { cwd: work });
      if (archive === undefined) throw new Error(`apt-get downloaded nothing for ${name} ${versions.get(name)}.`);
      const unpacked = join(work, name);
      await run('dpkg', ['-x', join(work, archive), unpacked]);
      writeFileSync(join(unpacked, '.version'), `${versions.get(name)}\n`);
      renameSync(unpacked, targets.get(name) as string);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Only this suite is in the private sources, so that the newest version is the suite's. */
async function newestVersions(
  config: string,
  names: readonly string[],
  suite: string,
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const { stdout } = await run('apt-cache', ['madison', ...names], { env: { ...process.env, APT_CONFIG: config } });
  const newest = newestOf(stdout);
  const absent = names.filter((name) => !newest.has(name));
  if (absent.length > 0) throw new Error(`Debian ${suite} has no package named ${absent.join(', ')}.`);
  return newest;
}

/** Of `apt-cache madison`'s lines, `name | version | source`, the first of each package has its newest version. */
export function newestOf(madison: string): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const line of madison.split('\n')) {
    const [name, version] = line.split('|').map((part) => part.trim());
    if (name && version && !newest.has(name)) newest.set(name, version);
  }
  return newest;
}

async function updateLists(config: string, root: string, clock: Clock): Promise<void> {
  const stamp = join(root, 'updated');
  if (existsSync(stamp) && clock.now() - statSync(stamp).mtimeMs < listsMsMax) return;
  await apt(['update', '-qq', '--error-on=any'], config, root);
  writeFileSync(stamp, '');
}

async function apt(parameters: readonly string[], config: string, cwd: string): Promise<void> {
  try {
    await run('apt-get', parameters, { cwd, env: { ...process.env, APT_CONFIG: config, LC_ALL: 'C' } });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(explain(said, parameters, debianMirror()), { cause: error });
  }
}

/** One clear sentence for the common case, a machine without a network; apt's own words otherwise. */
export function explain(said: string, parameters: readonly string[], mirror: string): string {
  const command = `apt-get ${parameters.join(' ')}`;
  if (/Temporary failure resolving|Could not (?:resolve|connect)|Network is unreachable|Unable to connect/.test(said)) {
    return `The Debian mirror ${mirror} cannot be reached, and ${command} needs it: is there a network?`;
  }
  return `${command} failed: ${said}`;
}

function writeConfig(root: string, suite: string): string {
  for (const folder of ['lists/partial', 'apt/archives/partial']) mkdirSync(join(root, folder), { recursive: true });
  const sources = join(root, 'sources.list');
  const config = join(root, 'apt.conf');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  writeFileSync(sources, `deb ${signedBy}${debianMirror()} ${suite} main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State::Lists': join(root, 'lists'),
    'Dir::Cache': join(root, 'apt'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    // The cache belongs to whoever runs this; apt's own user could not write there.
    'APT::Sandbox::User': 'root',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  writeFileSync(config, lines.join(''));
  return config;
}

/** The machine's Debian mirror, from the first source that names one; Debian's own where none does. */
export function debianMirror(sources: readonly string[] = systemSources()): string {
  for (const text of sources) {
    const lines = text.replaceAll(/^\s*#.*$/gm, '');
    const uri = /^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s*)?)(\S+\/debian)\/?(?:\s|$)/m.exec(lines)?.[1];
    if (uri !== undefined) return uri;
  }
  return 'http://deb.debian.org/debian';
}

function systemSources(): string[] {
  const files = ['/etc/apt/sources.list', ...globSync('/etc/apt/sources.list.d/*.{list,sources}').sort()];
  return files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'));
}

/** The kernel's lock on a file, held by a child that ends when its input does: also when this process is killed. */
async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject);
      holder.once('close', () => reject(new Error(`flock could not lock ${file}.`)));
      holder.stdout.once('data', () => resolve());
    });
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
