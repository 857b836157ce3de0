/**
 * `npm run unit` and `npm test`: the suites, in order, each with its own set-up.
 *
 *   unit      beside the source, and the house rules; no root, no containers; a minute or two
 *   schema    the tables against upstream's test data
 *   clients   real clients (kubectl 1.36 and 1.20, JavaScript's, Python's, HTTP), and the steps of upstream's conformance suite, against
 *             a cluster of simulated nodes
 *   operator  the operator kit as a package in a project of its own, and the example operator
 *   fuzz      tens of thousands of broken requests, from one seed, against a server in a process of its own
 *   simulation   200 simulated clusters under faults, a quiet day, and the faults that must be caught; five minutes
 *   network   the kernel's networks, in namespaces, with root: routes, services, policies, DNS, gateways
 *   cluster   real containers, with root
 *   stories   what the project is for, told and measured: users see no failed request while all around them changes; `npm run story` for longer
 *   soak      a minute in which something of a full node is killed every few seconds; `npm run soak` does it for half an hour
 *   bench     every benchmark, small, with its figures
 *
 * A suite is a row; what it needs is installed before it runs. Suites of one lane run one after another, lanes side by side: those that
 * start containers mostly wait. All suites run even if an earlier one failed, so that one run shows everything; the exit code tells.
 * Where sockets, real programs and the wall clock are judged, a file that failed is run once more by itself, since other suites may have taken its
 * time from it: what fails again has failed, what does not is told at the end. The last lines name every test that failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { installSystemPackages, nodePrograms } from '../src/cli/system-packages.ts';
import type { FailedTest } from './failed-tests.ts';

const root = path.dirname(import.meta.dirname);

interface Suite {
  readonly name: string;
  /** `last`: when all others are done, since others would spoil its figures. */
  readonly lane: 'processor' | 'containers' | 'last';
  readonly files: readonly string[];
  /** Groups of files that share a process each: to load the house once for each file would take most of the time. */
  readonly together?: readonly (readonly string[])[];
  /** Processes side by side. */
  readonly concurrency: number;
  /** A test that takes longer (ms) has failed: what hangs names itself. */
  readonly timeoutMs: number;
  /** What fails may have lacked time: it is run once more, with nothing of its lane beside it. */
  readonly again?: true;
  readonly prepare?: () => Promise<void>;
  readonly flags?: readonly string[];
}

/** Beside what a node needs, the program that the tests' images are made of, and the one that asks the DNS. */
function installForContainers(): Promise<void> {
  return installSystemPackages(console.error, [
    ...nodePrograms,
    { program: 'busybox', debianPackage: 'busybox-static' },
    { program: 'dig', debianPackage: 'bind9-dnsutils' },
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
    lane: 'processor',
    files: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'test/*.test.ts'],
    together: [
      ['src/simulation/**/*.test.ts', 'src/agent/**/*.test.ts'],
      ['src/controllers/**/*.test.ts', 'src/scheduler/**/*.test.ts', 'src/client/**/*.test.ts'],
      ['src/registry/**/*.test.ts', 'src/api/**/*.test.ts'],
      ['src/server/**/*.test.ts', 'src/store/**/*.test.ts'],
    ],
    concurrency: 2,
    timeoutMs: 120_000,
    again: true,
  },
  { name: 'schema', lane: 'processor', files: ['test/schema/*.test.ts'], concurrency: 2, timeoutMs: 300_000 },
  {
    name: 'clients',
    lane: 'processor',
    files: ['test/clients/**/*.test.ts'],
    concurrency: 2,
    timeoutMs: 300_000,
    again: true,
    prepare: installForClients,
  },
  {
    name: 'operator',
    lane: 'processor',
    files: ['test/operator/*.test.ts', 'examples/**/*.test.{ts,js}'],
    // Examples import the package by its name, and mean the sources.
    flags: ['--conditions=naru-source'],
    concurrency: 2,
    timeoutMs: 300_000,
  },
  { name: 'simulation', lane: 'processor', files: ['test/simulation/*.test.ts'], concurrency: 1, timeoutMs: 900_000 },
  { name: 'fuzz', lane: 'processor', files: ['test/fuzz/*.test.ts'], concurrency: 1, timeoutMs: 400_000 },
  {
    name: 'network',
    lane: 'containers',
    files: ['test/network/*.test.ts'],
    concurrency: 2,
    timeoutMs: 300_000,
    again: true,
    prepare: installForContainers,
  },
  {
    name: 'cluster',
    lane: 'containers',
    files: ['test/cluster/*.test.ts'],
    concurrency: 2,
    timeoutMs: 600_000,
    again: true,
    prepare: installForContainers,
  },
  {
    name: 'stories',
    lane: 'containers',
    files: ['test/stories/*.test.ts'],
    concurrency: 1,
    timeoutMs: 1_200_000,
    again: true,
    prepare: installForContainers,
  },
  {
    name: 'soak',
    lane: 'containers',
    files: ['test/soak/*.test.ts'],
    concurrency: 1,
    timeoutMs: 1_200_000,
    again: true,
    prepare: installForContainers,
  },
  {
    name: 'bench',
    lane: 'last',
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

const filesOf = (patterns: readonly string[]): string[] =>
  patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();

/** Hooks outside of any `describe` would hold for the tests of all files in the process. */
const hasHooksForAll = (file: string): boolean =>
  /^(?:before|after)(?:Each)?\(/m.test(readFileSync(path.join(root, file), 'utf8'));

/** What the runs of a suite said of failures. */
interface Outcome {
  readonly good: boolean;
  readonly failed: readonly FailedTest[];
}

async function runSuite(suite: Suite): Promise<boolean> {
  const groups = (suite.together ?? []).map((patterns) => filesOf(patterns).filter((file) => !hasHooksForAll(file)));
  const grouped = new Set(groups.flat());
  const alone = filesOf(suite.files).filter((file) => !grouped.has(file));
  const common = [...(suite.flags ?? []), '--test', `--test-timeout=${suite.timeoutMs}`];
  const runs = groups.map((files) => [...common, '--test-isolation=none', ...files]);
  // Where groups stand beside it, the run of the rest is a process of its own among them.
  if (alone.length > 0) runs.push([...common, `--test-concurrency=${suite.concurrency}`, ...alone]);
  console.error(`\n=== ${suite.name}: ${grouped.size + alone.length} files, in ${runs.length} runs`);
  const first = await nodes(runs, groups.length > 0 ? suite.concurrency : 1);
  if (first.good) return true;
  const told = new Set(first.failed.map(({ file }) => path.relative(root, file)));
  const files = [...grouped, ...alone].filter((file) => told.has(file));
  if (!suite.again || files.length === 0 || files.length > failedAgainMax) {
    failedTests.push(...first.failed);
    return false;
  }
  console.error(`\n=== ${suite.name}, once more: ${files.join(', ')}`);
  const second = await nodes([[...common, '--test-concurrency=1', ...files]], 1);
  if (second.good) passedLater.push(...first.failed);
  else failedTests.push(...second.failed);
  return second.good;
}

const failedTests: FailedTest[] = [];
/** What passed only when its file was run again. */
const passedLater: FailedTest[] = [];

/** More files than that have not lacked time: something is broken. */
const failedAgainMax = 3;

/** Several side by side. Each is shown when it is over, so that no two mix. */
async function nodes(runs: readonly (readonly string[])[], concurrency: number): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-tests-'));
  try {
    const lists = runs.map((_, index) => path.join(folder, String(index)));
    const waiting = runs.map((args, index) => reporting(args, lists[index] ?? ''));
    let good = true;
    const work = async (): Promise<void> => {
      for (let args = waiting.shift(); args !== undefined; args = waiting.shift()) {
        const { status, output } = await outputOf(args);
        process.stdout.write(output);
        good &&= status === 0;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return { good, failed: lists.flatMap(readFailed) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reporting([first = '', ...rest]: readonly string[], list: string): readonly string[] {
  const spec = ['--test-reporter=spec', '--test-reporter-destination=stdout'];
  return [first, ...spec, '--test-reporter=./test/failed-tests.ts', `--test-reporter-destination=${list}`, ...rest];
}

function readFailed(list: string): FailedTest[] {
  const lines = existsSync(list) ? readFileSync(list, 'utf8').split('\n') : [];
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FailedTest);
}

/** Once more at the end, where nobody has to look for it. */
function tell(title: string, tests: readonly FailedTest[]): void {
  if (tests.length === 0) return;
  console.error(`\n${title}`);
  const lines = tests.map(({ file, name, why }) => `  ${path.relative(root, file)}: ${name}: ${why}`);
  for (const line of new Set(lines)) console.error(line.slice(0, 400));
}

/** One after another. Resolves with the names of those that failed. */
async function runInTurn(wanted: readonly Suite[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const suite of wanted) if (!(await runSuite(suite))) failed.push(suite.name);
  return failed;
}

function outputOf(args: readonly string[]): Promise<{ readonly status: number | null; readonly output: Buffer }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['inherit', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => output.push(bytes));
    child.once('close', (status) => resolve({ status, output: Buffer.concat(output) }));
  });
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
  // Here, since two cannot install at a time.
  for (const { prepare } of wanted) await prepare?.();
  const ofLane = (lane: Suite['lane']): readonly Suite[] => wanted.filter((suite) => suite.lane === lane);
  const lanes = await Promise.all([runInTurn(ofLane('processor')), runInTurn(ofLane('containers'))]);
  failed.push(...lanes.flat(), ...(await runInTurn(ofLane('last'))));
  tell('Failed first, and passed when run again:', passedLater);
  tell('Failed tests:', failedTests);
  console.error(failed.length === 0 ? '\nAll suites passed.' : `\nFailed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
