/**
 * Every command of naru used wrongly, and used rightly where the world is wrong: each ends with the exit code that scripts expect and one
 * sentence on standard error, never a stack, and leaves nothing half done. What is said of each command stands in `misuse-table.ts`; what
 * commander sees by itself (options, arguments, choices) is tried on all commands without a process each.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import { commandLine } from '../../src/cli/command-line.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { type CommandResult, eventually, root, run, TestCluster } from '../harness.ts';
import { type Misuse, misuseFiles, misuses, type Row } from './misuse-table.ts';

/** As many as the machine can take side by side. */
const sideBySide = Math.max(2, os.availableParallelism());

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      await act(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, lane));
  if (failures.length === 0) return;
  throw new AggregateError(failures, failures.map((error) => (error as Error).message).join('\n\n'));
}

const wordsOf = (line: string): string[] =>
  line.split(' ').flatMap((word) => (word === '' ? [] : [word.replaceAll('~', ' ')]));

interface Leaf {
  readonly name: string;
  readonly command: Command;
}

function leaves(command: Command, above: readonly string[] = []): readonly Leaf[] {
  return command.commands.flatMap((each) => {
    const words = [...above, each.name()];
    return each.commands.length > 0 ? leaves(each, words) : [{ name: words.join(' '), command: each }];
  });
}

/** The words parsed by the real command line, whose commands do nothing. */
async function parsed(words: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const program = commandLine();
  let said = '';
  const muted = (command: Command): void => {
    command.configureOutput({ writeErr: (text) => (said += text), writeOut: () => {} });
    if (command.commands.length === 0) command.action(() => {});
    for (const each of command.commands) muted(each);
  };
  muted(program);
  try {
    await program.parseAsync(['node', 'naru', ...words]);
    return { code: 0, said };
  } catch (error) {
    return { code: exitCodeOf(error), said: `${said}${error instanceof Error ? error.message : ''}` };
  }
}

describe('what commander sees', () => {
  const refused = async (leaf: Leaf, words: readonly string[], says: RegExp): Promise<void> => {
    const { code, said } = await parsed([...leaf.name.split(' '), ...words]);
    const line = `naru ${leaf.name} ${words.join(' ')}`;
    assert.equal(code, 2, `${line}: ${said}`);
    assert.match(said, says, line);
    assert.ok(said.includes(`(see naru ${leaf.name} --help)`), `${line} names its own help: ${said}`);
  };
  /** As many words as the command wants. */
  const arguments_ = ({ command }: Leaf): string[] => command.registeredArguments.map(() => 'x');

  for (const leaf of leaves(commandLine())) {
    test(`of naru ${leaf.name}: options, arguments and choices that are wrong`, async () => {
      const { command } = leaf;
      await refused(
        leaf,
        [...wanted(command), ...arguments_(leaf), '--no-such-option'],
        /unknown option '--no-such-option'/,
      );
      if (!command.registeredArguments.some(({ variadic }) => variadic)) {
        await refused(leaf, [...wanted(command), ...arguments_(leaf), 'surplus'], /too many arguments/);
      }
      if (command.registeredArguments[0]?.required === true) {
        await refused(leaf, wanted(command), /missing required argument/);
      }
      for (const option of command.options) {
        const name = option.long ?? option.short ?? '';
        if (option.required) await refused(leaf, [...arguments_(leaf), name], /argument missing/);
        if (option.argChoices !== undefined)
          await refused(leaf, [...arguments_(leaf), name, 'no such choice'], /Allowed choices are/);
        if (option.mandatory) await refused(leaf, arguments_(leaf), /required option/);
      }
    });
  }

  const wanted = (command: Command): string[] =>
    command.options.flatMap(({ mandatory, long }) =>
      mandatory && long !== undefined && long !== null ? [long, '1'] : [],
    );

  const numbers: readonly string[] = [
    'up --port x',
    'up --port 65536',
    'up --simulated-nodes 0',
    'up --audit-log-maxsize -1',
    'up --service-account-extend-token-expiration x',
    'server --port 1.5',
    'build --port 0',
    'logs a --tail x',
    'logs a --limit-bytes 0',
    'get pods --chunk-size x',
    'delete a --grace-period x',
    'scale a --replicas x',
    'scale a --replicas 1 --current-replicas x',
    'rollout status a --revision x',
    'rollout history a --revision x',
    'rollout undo a --to-revision x',
    'simulate --seed -1',
    'simulate --seeds 0',
    'simulate --hours x',
    'simulate --jobs 0',
    'nosuch',
    'rollout nosuch',
    '--nosuch',
    'help nosuch-',
  ];
  for (const line of numbers.filter((each) => !each.startsWith('help'))) {
    test(`naru ${line} is wrong usage`, async () => {
      const { code, said } = await parsed(wordsOf(line));
      assert.equal(code, 2, said);
      assert.match(said, /\(see naru .*--help\)/);
    });
  }

  test('of every command the table of misuse says something', () => {
    const names = leaves(commandLine()).map(({ name }) => name);
    assert.deepEqual(Object.keys(misuses).toSorted(), names.toSorted());
  });

  test('every command that asks a cluster is tried without one', () => {
    const asking = leaves(commandLine()).filter(
      ({ name, command }) =>
        command.options.some(({ long }) => long === '--context') && misuses[name]?.right === undefined,
    );
    assert.deepEqual(
      asking.map(({ name }) => name),
      ['doctor'],
    );
  });
});

describe('commands used wrongly', { timeout: 400_000 }, () => {
  let cluster: TestCluster;
  let folder: string;
  /** A home in which no cluster is. */
  let nowhere: string;
  const asking = Object.entries(misuses).filter(([, { right }]) => right !== undefined);

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-misuse-'));
    nowhere = path.join(folder, 'nowhere');
    cluster = await TestCluster.up('--simulated-nodes', '1');
    mkdirSync(path.join(folder, 'work'));
    for (const [name, text] of Object.entries(misuseFiles)) writeFileSync(path.join(folder, 'work', name), text);
  });
  after(async () => {
    await TestCluster.closeAll();
    rmSync(folder, { recursive: true, force: true });
  });

  const environment = (home: string, kubeconfig = ''): Record<string, string> => ({
    NARU_HOME: home,
    HOME: path.join(folder, 'user'),
    KUBECONFIG: kubeconfig,
    EDITOR: 'true',
  });
  const naru = (line: string, home: string, kubeconfig?: string): Promise<CommandResult> =>
    run(path.join(root, 'naru'), wordsOf(line), {
      env: environment(home, kubeconfig),
      cwd: path.join(folder, 'work'),
      timeoutMs: 120_000,
    });

  const check = (line: string, { code, stdout, stderr }: CommandResult, says: RegExp, expected: number): void => {
    const all = `naru ${line} ended with ${code} and said: ${stderr}${stdout}`;
    assert.equal(code, expected, all);
    assert.match(stderr, says, all);
    assert.doesNotMatch(stdout + stderr, /^ +at .*:\d+:\d+\)?$|\bundefined\b|\[object /m, `${all}: no stack`);
  };

  const rowsOf = (of: (misuse: Misuse) => readonly Row[] | undefined): readonly (readonly [string, Row])[] =>
    Object.entries(misuses).flatMap(([name, misuse]) => (of(misuse) ?? []).map((row) => [name, row] as const));

  test('with a cluster: each says what is wrong, and what to do', () =>
    inParallel(
      rowsOf(({ rows }) => rows),
      async ([name, [words, says, code]]) => {
        const line = `${name} ${words}`;
        check(line, await naru(line, cluster.home), says, code);
      },
    ));

  test('with nothing at all: likewise, and nothing is left lying about', async () => {
    await inParallel(
      rowsOf(({ lonely }) => lonely),
      async ([name, [words, says, code]]) => {
        const line = `${name} ${words}`;
        // Each has a home of its own: what one leaves would mislead another.
        const home = mkdtempSync(path.join(folder, 'lonely-'));
        check(line, await naru(line, home), says, code);
        assert.ok(!existsSync(path.join(home, 'naru.pid')), `naru ${line} starts nothing`);
      },
    );
    for (const name of ['a', 'b', 'nosuch']) assert.ok(!existsSync(path.join(folder, 'work', name)), name);
  });

  const noClusterFound = /no cluster found: none was started from .*; start one with: naru up$/m;
  test('without a cluster each that needs one says how to get one', () =>
    inParallel(asking, async ([name, { right, alone: [says, code] = [noClusterFound, 1] }]) => {
      const line = `${name} ${right}`;
      check(line, await naru(line, nowhere), says, code);
      assert.ok(!existsSync(nowhere), `naru ${line} makes nothing`);
    }));

  test('with a kubeconfig that leads nowhere each says why', async () => {
    const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8');
    const file = (name: string, text: string): string => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const troubles: readonly (readonly [options: string, says: RegExp])[] = [
      [
        `--kubeconfig ${file('unreachable', kubeconfig.replace(/server: .*/, 'server: https://127.0.0.1:1'))}`,
        /nobody answers at https:\/\/127\.0\.0\.1:1: the cluster does not run/,
      ],
      ['--kubeconfig nosuch', /there is no kubeconfig \S+nosuch/],
      [`--kubeconfig ${file('text', 'hi')}`, /it is no kubeconfig/],
      [`--kubeconfig ${file('broken', 'a: [')}`, /kubeconfig \S+broken/],
      ['--kubeconfig .', /is a folder; name a file/],
      [`--kubeconfig ${cluster.kubeconfig} --context nosuch`, /contexts has no entry named "nosuch"; it has/],
      [
        `--kubeconfig ${file('plain', kubeconfig.replace(/server: .*/, 'server: nonsense'))}`,
        /"?nonsense"? is no address|server/,
      ],
    ];
    // Each trouble on some commands, and each command in some trouble: the way to the cluster is the same code for all.
    const cases = asking.map(([name, { right }], index) => ({
      name,
      right,
      trouble: troubles[index % troubles.length],
    }));
    await inParallel(cases, async ({ name, right = '', trouble }) => {
      assert.ok(trouble !== undefined);
      const [options, says] = trouble;
      const [own, ...rest] = right.split(' -- ');
      const line = `${name} ${options} ${[own, ...rest].join(' -- ')}`;
      const result = await naru(line, nowhere);
      check(line, result, name === 'token create' ? /^naru: / : says, 1);
    });
  });

  test('who may do nothing is told so, and which role would help', async () => {
    await cluster.mustKubectl('create', 'serviceaccount', 'nobody');
    const token = (await cluster.mustKubectl('create', 'token', 'nobody')).trim();
    const config = parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: { user: unknown }[] };
    for (const user of config.users) user.user = { token };
    const file = path.join(folder, 'powerless');
    writeFileSync(file, stringify(config));
    const refused = /serviceaccount:default:nobody may not \w+ \S+ .*; .*an administrator/;
    await inParallel(asking, async ([name, { right, powerless: [says, code] = [refused, 1] }]) => {
      const line = `${name} ${right}`;
      const result = await naru(line, nowhere, file);
      check(line, result, says, code);
      assert.doesNotMatch(
        result.stdout,
        /Nothing is wrong|no nodes/,
        `naru ${line} does not call well what it could not see`,
      );
    });
    const survey = await naru('why', nowhere, file);
    assert.match(survey.stdout, /Not looked at, because you may not/);
    assert.doesNotMatch(survey.stdout, /There is nothing in namespace/);
  });

  describe('Ctrl-C', () => {
    const started = (
      line: string,
      home = cluster.home,
    ): { child: ChildProcess; said: () => string; ended: Promise<number> } => {
      const child = spawn(path.join(root, 'naru'), wordsOf(line), {
        env: { ...process.env, ...environment(home) },
        cwd: path.join(folder, 'work'),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      for (const output of [child.stdout, child.stderr])
        output.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      const ended = new Promise<number>((resolve) =>
        // A shell makes 130 of an end by SIGINT.
        child.once('close', (code, signal) => resolve(signal === 'SIGINT' ? 130 : (code ?? 1))),
      );
      return { child, said: () => text, ended };
    };

    const stuck = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck}
spec:
  selector: {matchLabels: {app: stuck}}
  template: {metadata: {labels: {app: stuck}}, spec: {nodeSelector: {no: where}, containers: [{name: a, image: a}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: lone}
spec: {containers: [{name: a, image: a}]}
`;
    /** The command, and what it has said when it waits. */
    const waiting: readonly (readonly [line: string, waits: RegExp])[] = [
      ['get pods -w', /stuck-/],
      ['events -w', /stuck/],
      ['logs lone -f', /simulated/],
      ['rollout status deploy/stuck', /Waiting for deployment\.apps\/stuck/],
      ['delete cm/held', /configmap "held" deleted/],
      ['up stuck.yaml', /0 of 1 pod is ready/],
      ['apply -f stuck.yaml --wait', /0 of 1 pod is ready/],
    ];

    before(async () => {
      writeFileSync(path.join(folder, 'work', 'stuck.yaml'), stuck);
      const applied = await naru('apply -f stuck.yaml', cluster.home);
      assert.equal(applied.code, 0, applied.stderr);
      await cluster.mustKubectl('wait', '--for=condition=ready', 'pod/lone');
      await cluster.mustKubectl('create', 'configmap', 'held');
      await cluster.mustKubectl('patch', 'configmap', 'held', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}');
    });

    test('ends what waits at once, with 130 and without a stack', () =>
      inParallel(waiting, async ([line, waits]) => {
        const { child, said, ended } = started(line);
        await eventually(`naru ${line} waits: ${said()}`, () => waits.test(said()), 60_000);
        child.kill('SIGINT');
        assert.equal(await ended, 130, `naru ${line}: ${said()}`);
        assert.doesNotMatch(said(), /^ +at .*:\d+:\d+\)?$/m, `naru ${line}`);
      }));

    test('in the middle of a backup leaves no half file, and the next one is whole', async () => {
      const backup = path.join(folder, 'backup.tar.gz');
      const { child, ended } = started(`backup ${backup}`);
      await eventually('it works', () => existsSync(path.join(cluster.home, 'backing-up')) || existsSync(backup));
      child.kill('SIGINT');
      const code = await ended;
      assert.ok(code === 130 || code === 0);
      assert.equal(existsSync(backup), code === 0, 'a file is there only where it is whole');
      rmSync(backup, { force: true });
      const again = await naru(`backup ${backup}`, cluster.home);
      assert.equal(again.code, 0, again.stderr);
      assert.ok(!existsSync(path.join(cluster.home, 'backing-up')), 'nothing is left of the one that was cut off');
    });

    test('in the middle of a start leaves what the next one makes whole', async () => {
      const home = mkdtempSync(path.join(folder, 'cut-'));
      const { child, ended, said } = started('up --simulated-nodes 1 --port 0', home);
      await eventually('it starts', () => said().includes('starting the cluster'), 60_000);
      child.kill('SIGINT');
      assert.equal(await ended, 130, said());
      const again = await naru('up --simulated-nodes 1 --port 0 --wait', home);
      const ended2 = await naru('down --all', home);
      assert.equal(again.code, 0, again.stderr);
      assert.equal(ended2.code, 0, ended2.stderr);
    });
  });

  test('where the disk is full each says so, and leaves nothing half written', async (context) => {
    const tiny = path.join(folder, 'tiny');
    mkdirSync(tiny);
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', tiny]);
    if (mounted.code !== 0) return context.skip('only root may mount');
    const full = /no room (left )?on the disk/;
    try {
      for (const line of [`backup ${tiny}/b`, `image pack /bin/ls --name a:1 -o ${tiny}/a.tar`]) {
        check(line, await naru(line, cluster.home), full, 1);
        assert.equal((await run('ls', ['-A', tiny])).stdout, '', `naru ${line} takes away what it began`);
      }
      await run('sh', ['-c', `cat /dev/zero > ${tiny}/out`]);
      const line = 'get clusterroles -o yaml';
      const shell = await run('sh', ['-c', `exec ${path.join(root, 'naru')} ${line} >> ${tiny}/out`], {
        env: environment(cluster.home),
      });
      check(line, shell, full, 1);
      rmSync(path.join(tiny, 'out'));
      const home = path.join(tiny, 'home');
      const up = await naru('up --simulated-nodes 1 --port 0', home);
      assert.equal(up.code, 1);
      assert.match(up.stderr, full);
      assert.equal((await naru('down --all', home)).code, 0);
    } finally {
      await run('umount', [tiny]);
    }
  });
});
