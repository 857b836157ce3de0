/**
 * The house rules, as a test over the source. Each rule says why it exists and is itself tested on a line that breaks it, so
 * that a rule which stopped biting shows.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

const root = path.dirname(import.meta.dirname);

interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly name: string;
  readonly text: string;
}

const everySource: readonly SourceFile[] = ['src', 'test', 'bench', 'tools']
  .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
  .toSorted()
  .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));

const isTest = (file: SourceFile): boolean =>
  /\.test\.ts$|(^|[/-])testing\.ts$|contract(\.ts$|\/)|\/cases\//.test(file.name);
const isGenerated = (file: SourceFile): boolean => file.name.startsWith('src/api/schema/types/');
const production = everySource.filter((file) => file.name.startsWith('src/') && !isTest(file) && !isGenerated(file));

/** Comments and strings may speak of anything; only code is judged. Line structure is kept, for the line numbers. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, (string) => `'${' '.repeat(string.length - 2)}'`);
}

function importsOf(file: SourceFile): string[] {
  const code = file.text.replace(/\/\*[\s\S]*?\*\//g, '');
  const specifiers = [...code.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'|new URL\('(\.[^']+\.ts)'/g)];
  return specifiers.map((match) => path.posix.join(path.posix.dirname(file.name), match[1] ?? match[2] ?? ''));
}

function offences(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    codeOf(file.text)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file.name}:${index + 1}: ${line.trim()}`] : [])),
  );
}

/**
 * The arrows of ARCHITECTURE.md: a folder of src may import itself and what stands here. The parts on the right of `client` see
 * only a Client, so that each can run in another process, or under simulation.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  api: ['lib'],
  store: ['lib', 'api'],
  registry: ['lib', 'api', 'store'],
  client: ['lib', 'api', 'registry'],
  server: ['lib', 'api', 'store', 'registry', 'client'],
  controllers: ['lib', 'api', 'client'],
  scheduler: ['lib', 'api', 'client'],
  images: ['lib', 'api'],
  agent: ['lib', 'api', 'client', 'images'],
  manifests: ['lib', 'api'],
  kustomize: ['lib', 'api', 'manifests'],
  compose: ['lib', 'api', 'manifests', 'deploy'],
  build: ['lib', 'api', 'images', 'deploy'],
  deploy: ['lib', 'api', 'client', 'manifests', 'kustomize', 'compose', 'build'],
  explain: ['lib', 'api', 'client', 'deploy'],
  network: ['lib', 'api', 'client', 'controllers'],
  // Its webhooks' certificates are made as the server's are.
  operator: ['lib', 'api', 'client', 'server', 'cluster.ts'],
  simulation: ['lib', 'api', 'store', 'registry', 'client', 'controllers', 'scheduler', 'agent', 'cluster.ts'],
};

function layerOffences(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const layer = file.name.split('/')[1] ?? '';
    const allowed = layers[layer];
    if (allowed === undefined) return [];
    return importsOf(file)
      .map((imported) => imported.split('/')[1] ?? '')
      .filter((target) => target !== layer && !allowed.includes(target))
      .map((target) => `${file.name} imports ${target}`);
  });
}

/** The idle time-out of a socket or session (a method of theirs) is the connection's own; simulation has no connections. */
const bannedGlobals =
  /\bDate\.now\(|\bnew Date\(\)|(?<!\b(?:socket|session)\.)\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(|\brandomUUID\(|\bperformance\.now\(|timers\/promises/;

/** What is run or imported by name from outside: everything else must be imported by something. */
const entryPoints = ['src/main.ts', 'src/cluster.ts', 'src/operator/index.ts', 'src/operator/testing.ts'];

function unreachable(files: readonly SourceFile[]): string[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const seen = new Set<string>();
  const queue = [...entryPoints];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const file = byName.get(name);
    if (file === undefined || seen.has(name)) continue;
    seen.add(name);
    queue.push(...importsOf(file));
  }
  return files.map((file) => file.name).filter((name) => !seen.has(name));
}

describe('the house', () => {
  test('arrows between the folders of src point down only', () => {
    assert.deepEqual(layerOffences(production), []);
    const upwards = { name: 'src/store/x.ts', text: "import { A } from '../server/a.ts';" };
    assert.deepEqual(layerOffences([upwards]), ['src/store/x.ts imports server']);
  });

  test('every folder of src is in the picture of the layers, or at the top', () => {
    const folders = new Set(production.map((file) => file.name.split('/')[1] ?? ''));
    const top = ['main.ts', 'cluster.ts', 'guard.ts', 'node.ts', 'home.ts', 'cli'];
    assert.deepEqual(
      [...folders].filter((folder) => !(folder in layers) && !top.includes(folder)),
      [],
    );
  });

  test('time and chance come only from lib/clock and lib/prng, so that simulation repeats', () => {
    const judged = production.filter((file) => !['src/lib/clock.ts', 'src/lib/prng.ts'].includes(file.name));
    assert.deepEqual(offences(judged, bannedGlobals), []);
    assert.equal(offences([{ name: 'src/x.ts', text: 'const t = Date.now();' }], bannedGlobals).length, 1);
    assert.equal(offences([{ name: 'src/x.ts', text: '// Date.now() is banned' }], bannedGlobals).length, 0);
  });

  test('no file of src is dead: each is reachable from an entry point', () => {
    assert.deepEqual(unreachable(production.filter((file) => !isGenerated(file))), []);
    const orphan = { name: 'src/lib/orphan.ts', text: '' };
    assert.deepEqual(unreachable([{ name: 'src/main.ts', text: '' }, orphan]), ['src/lib/orphan.ts']);
  });

  test('nothing unfinished, no focused test, no debugger and no console outside the command line', () => {
    const leftovers = new RegExp(['TO', 'DO|FIX', 'ME|\\bX', 'XX\\b'].join(''));
    const marked = everySource.filter((file) => leftovers.test(file.text) && file.name !== 'test/tidy.test.ts');
    assert.deepEqual(
      marked.map((file) => file.name),
      [],
    );
    assert.deepEqual(offences(everySource, /\b(test|describe|it)\.only\(|\bdebugger\b/), []);
    const quiet = production.filter((file) => !file.name.startsWith('src/cli/') && file.name !== 'src/main.ts');
    assert.deepEqual(offences(quiet, /\bconsole\./), []);
  });

  test('every file of src opens with what it is for', () => {
    const silent = production.filter((file) => !/^(#!.*\n)?\/\*\*|^\/\//.test(file.text));
    assert.deepEqual(
      silent.map((file) => file.name),
      [],
    );
  });

  test('a file that grew past 600 lines is split', () => {
    const long = production.filter((file) => file.text.split('\n').length > 600);
    assert.deepEqual(
      long.map((file) => file.name),
      [],
    );
  });
});
