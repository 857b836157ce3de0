/**
 * `npm run unit` and `npm test`: the suites, in order, each with its own set-up.
 *
 *   unit      beside the source, and the house rules; no root, no containers, under a minute
 *   schema    the tables against upstream's test data
 *   clients   real clients (kubectl 1.36 and 1.20, JavaScript's, Python's, HTTP), and the steps of upstream's conformance suite, against
 *             a cluster of simulated nodes
 *   fuzz      tens of thousands of broken requests, from one seed, against a server in a process of its own
 *   cluster   real containers, with root
 *   bench     every benchmark, small, with its figures
 *
 * A suite is a row; what it needs is installed before it runs. All suites run even if an earlier one failed, so that one run
 * shows everything; the exit code tells.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { installSystemPackages, nodePrograms } from '../src/cli/system-packages.ts';

const root = path.dirname(import.meta.dirname);

interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** Files side by side. Suites that start containers take one at a time: they would only slow each other down. */
  readonly concurrency: number;
  /** A test that takes longer (ms) has failed: what hangs names itself. */
  readonly timeoutMs: number;
  readonly prepare?: () => Promise<void>;
}

/** Beside what a node needs, the program that the tests' images are made of. */
function installForContainers(): Promise<void> {
  return installSystemPackages(console.error, [
    ...nodePrograms,
    { program: 'busybox', debianPackage: 'busybox-static' },
  ]);
}

/** Python's client, which Debian has for its own Python. */
function installForClients(): Promise<void> {
  return installSystemPackages(console.error, [
    { program: '/usr/bin/python3', debianPackage: 'python3' },
    { program: '/usr/lib/python3/dist-packages/kubernetes/__init__.py', debianPackage: 'python3-kubernetes' },
  ]);
}

const suites: readonly Suite[] = [
  {
    name: 'unit',
    files: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'test/*.test.ts'],
    concurrency: 3,
    timeoutMs: 120_000,
  },
  { name: 'schema', files: ['test/schema/*.test.ts'], concurrency: 2, timeoutMs: 300_000 },
  {
    name: 'clients',
    files: ['test/clients/**/*.test.ts'],
    concurrency: 2,
    timeoutMs: 300_000,
    prepare: installForClients,
  },
  { name: 'fuzz', files: ['test/fuzz/*.test.ts'], concurrency: 1, timeoutMs: 400_000 },
  {
    name: 'cluster',
    files: ['test/cluster/*.test.ts'],
    concurrency: 1,
    timeoutMs: 600_000,
    prepare: installForContainers,
  },
  {
    name: 'bench',
    files: ['test/bench/*.test.ts'],
    concurrency: 1,
    timeoutMs: 200_000,
    prepare: installForContainers,
  },
];

function node(title: string, args: readonly string[]): boolean {
  console.error(`\n=== ${title}`);
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

function runSuite(suite: Suite): boolean {
  const files = suite.files.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();
  if (files.length === 0) return true;
  return node(`${suite.name}: ${files.length} files`, [
    '--test',
    `--test-concurrency=${suite.concurrency}`,
    `--test-timeout=${suite.timeoutMs}`,
    ...files,
  ]);
}

const checks: readonly (readonly [string, readonly string[]])[] = [
  ['typecheck', ['node_modules/typescript/bin/tsc', '--noEmit']],
  ['lint', ['node_modules/oxlint/bin/oxlint', '--type-aware']],
  ['format', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
];

async function main(): Promise<void> {
  const [choice = 'all', ...names] = process.argv.slice(2);
  const failed: string[] = [];
  if (choice === 'all') {
    for (const [name, args] of checks) if (!node(name, args)) failed.push(name);
  }
  const wanted = choice === 'all' ? suites : suites.filter((suite) => [choice, ...names].includes(suite.name));
  if (wanted.length === 0)
    throw new Error(`no suite is called ${choice}; there are: ${suites.map((suite) => suite.name).join(', ')}, all`);
  for (const suite of wanted) {
    await suite.prepare?.();
    if (!runSuite(suite)) failed.push(suite.name);
  }
  console.error(failed.length === 0 ? '\nAll suites passed.' : `\nFailed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
