/**
 * `naru upgrade` on two whole machines that run an older copy of the sources: the server in place, then the other machine's agent over its own
 * connection. A client asks a pod on each of them all along, and the pods are the same at the end.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Node, Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { pauseProgram } from '../../src/images/pause.ts';
import { architectureOf } from '../../src/images/platform.ts';
import { type CommandResult, eventually, findKubectl, leftSince, machineState, root, run } from '../harness.ts';
import { Fabric } from './node-lab/fabric.ts';
import { LabNode } from './node-lab/lab-node.ts';
import { isReady, type Manifest, shellImage, statusOf } from './workload.ts';

const oldVersion = '0.0.9';
const nodePort = 30_080;

/** Asks each of its URLs ten times a second, by a connection of its own, and says how that went. */
const asking = `
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
const urls = process.argv.slice(1).filter((each) => each !== 'once');
const ask = (url) => new Promise((resolve) => {
  const failed = (error) => resolve('FAILED ' + url + ' ' + new Date().toISOString() + ' ' + error.message);
  get(url, { agent: false, timeout: 3000 }, (answer) => answer.resume().on('error', failed).on('end', () => resolve('ok')))
    .on('timeout', function () { this.destroy(new Error('no answer')); })
    .on('error', failed);
});
do {
  for (const said of await Promise.all(urls.map(ask))) process.stdout.write(said + '\\n');
  await sleep(100);
} while (process.argv.at(-1) !== 'once');
`;

describe('a cluster of two machines is upgraded', { timeout: 900_000 }, () => {
  let before_: readonly string[];
  let folder: string;
  let fabric: Fabric;
  let one: LabNode;
  let two: LabNode;
  let kubectl: string;

  before(async () => {
    before_ = await machineState();
    kubectl = await findKubectl();
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'naru-upgrade-')));
    const pause = path.join(folder, 'pause');
    writeFileSync(pause, pauseProgram(architectureOf(process.arch)), { mode: 0o700 });
    fabric = await Fabric.open(pause);
    const launcher = copyOf('old', oldVersion);
    [one, two] = [1, 2].map((number) => {
      const name = `n${number}`;
      const own = { name, folder: path.join(folder, name), address: `10.90.0.1${number}`, launcher };
      return new LabNode({ ...own, lab: folder, pause, fabric, bootstrapKubeconfig: '' });
    }) as [LabNode, LabNode];
    for (const node of [one, two]) await node.powerOn();
  });

  after(async () => {
    client?.kill('SIGKILL');
    for (const node of [one, two]) await node.crash();
    await fabric.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), []);
  });

  /** A copy of the checkout with another version; its launcher. */
  function copyOf(name: string, version: string): string {
    const copy = path.join(folder, name);
    for (const each of ['naru', 'src', 'tools', 'package-lock.json']) {
      cpSync(path.join(root, each), path.join(copy, each), { recursive: true });
    }
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as object;
    writeFileSync(path.join(copy, 'package.json'), JSON.stringify({ ...manifest, version }));
    const packages = path.join(copy, 'node_modules');
    mkdirSync(packages);
    for (const each of readdirSync(path.join(root, 'node_modules')).filter((entry) => entry !== '.cache')) {
      symlinkSync(path.join(root, 'node_modules', each), path.join(packages, each));
    }
    return path.join(copy, 'naru');
  }

  const must = async (node: LabNode, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await node.naru(...args);
    assert.equal(code, 0, `naru ${args.join(' ')}: ${stderr}${stdout}${logOf(node)}`);
    return stdout;
  };

  /** On the machine of the server, with the program of another folder. */
  const withProgram = (launcher: string, ...args: string[]): Promise<CommandResult> =>
    one.machine.run([launcher, ...args], { env: { NARU_HOME: one.home }, timeoutMs: 240_000 });

  const logOf = (node: LabNode): string => {
    const lines = readFileSync(path.join(node.home, 'naru.log'), 'utf8').split('\n');
    return `\n${lines.slice(-25).join('\n')}`;
  };

  const onServer = (args: readonly string[], input?: string): Promise<CommandResult> =>
    one.machine.run(
      [kubectl, '--kubeconfig', path.join(one.home, 'kubeconfig'), ...args],
      input === undefined ? {} : { input },
    );

  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr } = await onServer([...args, '-o', 'json']);
    return JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`) as T;
  };

  const serverVersion = async (): Promise<string> =>
    (JSON.parse((await onServer(['get', '--raw', '/version'])).stdout) as { gitVersion: string }).gitVersion;

  const pods = async (): Promise<readonly Pod[]> => (await json<PodList>('get', 'pods')).items;

  const identities = async (): Promise<unknown> =>
    (await pods()).map((pod) => [
      pod.metadata?.uid,
      pod.spec?.nodeName,
      statusOf(pod)?.containerID,
      statusOf(pod)?.restartCount,
    ]);

  test('a cluster that listens for itself says how others may join; that is done while it runs', async () => {
    await must(one, 'up', '--wait');
    const { code, stderr } = await one.naru('token', 'create');
    assert.equal(code, 1);
    assert.match(stderr, /listens on 127\.0\.0\.1, .*\n {2}naru up --host 10\.90\.0\.11$/m);
    await eventually('n1 is Ready', async () => /n1 +Ready/.test((await one.naru('node', 'list')).stdout));
    assert.match(await must(one, 'up', '--host', '10.90.0.11'), /answers at https:\/\/10\.90\.0\.11:6443 from now on/);
    const wrong = await one.naru('up', '--host', '10.90.0.99');
    assert.match(wrong.stderr, /this machine has no such address; it has .*10\.90\.0\.11/);
    const [, words = ''] = /^ {2}naru (join .*)$/m.exec(await must(one, 'token', 'create')) ?? [];
    await must(two, ...words.split(' '));
    assert.match(await serverVersion(), new RegExp(`\\+naru-${oldVersion}$`));
  });

  let client: ChildProcess | undefined;
  let complaints = '';
  let asked = 0;

  test('pods on both machines answer', async () => {
    const archive = path.join(folder, 'shell.tar');
    await packImage({ name: shellImage, programs: ['busybox'], entrypoint: [], command: ['/bin/sh'], output: archive });
    for (const node of [one, two]) await must(node, 'image', 'import', archive);
    const serve = 'mkdir -p /www && echo hello >/www/index.html && exec httpd -f -p 8080 -h /www';
    const container = { name: 'c', image: shellImage, command: ['/bin/sh', '-c', serve], imagePullPolicy: 'Never' };
    const web = (node: string, port: number): Manifest[] => [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `web-${node}`, labels: { web: node } },
        spec: { nodeName: node, containers: [container] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: `web-${node}` },
        spec: { type: 'NodePort', selector: { web: node }, ports: [{ port: 80, targetPort: 8080, nodePort: port }] },
      },
    ];
    const all = [...web('n1', nodePort), ...web('n2', nodePort + 1)];
    const made = await onServer(['create', '-f', '-'], all.map((object) => JSON.stringify(object)).join('\n'));
    assert.equal(made.code, 0, made.stderr);
    await eventually('both are Ready', async () => (await pods()).filter(isReady).length === 2, 60_000);
    const urls = [`http://10.90.0.11:${nodePort}/`, `http://10.90.0.12:${nodePort + 1}/`];
    const [program = '', ...args] = fabric.inside([process.execPath, '--input-type=module', '-e', asking, ...urls]);
    for (const url of urls) {
      await eventually(`${url} answers`, async () => {
        const { stdout } = await run(program, [...args.slice(0, -urls.length), url, 'once']);
        if (stdout !== 'ok\n') throw new Error(`${stdout}${(await onServer(['get', 'pods', '-o', 'wide'])).stdout}`);
        return true;
      });
    }
    client = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    client.stdout?.setEncoding('utf8').on('data', (text: string) => {
      asked += text.split('ok\n').length - 1;
      if (text.includes('FAILED')) complaints += text;
    });
  });

  test('a version that does not start gives way to the one before', async () => {
    const broken = copyOf('broken', '0.0.10');
    const file = path.join(path.dirname(broken), 'src/cli/run.ts');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(
        'const log = new JsonLogger',
        "if (home.root) throw new Error('broken on purpose');\n  const log = new JsonLogger",
      ),
    );
    const was = await identities();
    const { code, stderr } = await withProgram(broken, 'upgrade', '--no-drain');
    assert.equal(code, 1, stderr);
    assert.match(stderr, /the new version did not start .* the old one runs again/);
    assert.match(await serverVersion(), new RegExp(`\\+naru-${oldVersion}$`));
    assert.deepEqual(await identities(), was);
  });

  test('the plan is shown, and nothing done', async () => {
    const { stdout } = await withProgram(path.join(root, 'naru'), 'upgrade', '--dry-run');
    assert.match(stdout, /1\. the server[^]*node n1: part of the server[^]*2\. node n2: drained[^]*Nothing was done/);
    assert.match(await serverVersion(), new RegExp(`\\+naru-${oldVersion}$`));
  });

  test('the server and the other machine run the new version, and their pods have noticed nothing', async () => {
    const was = await identities();
    const { code, stdout, stderr } = await withProgram(path.join(root, 'naru'), 'upgrade', '--no-drain');
    assert.equal(code, 0, `${stderr}${stdout}${logOf(two)}`);
    console.log(stdout);
    assert.match(stdout, /the server runs it[^]*n2 runs it, and is Ready[^]*The cluster is upgraded/);
    assert.doesNotMatch(await serverVersion(), new RegExp(`naru-${oldVersion}$`));
    const { metadata, spec } = await json<Node>('get', 'node', 'n2');
    assert.match(metadata?.annotations?.['naru.io/agent-running'] ?? '', /^[0-9a-f]{64}$/);
    assert.equal(spec?.unschedulable, undefined);
    assert.deepEqual(await identities(), was);
    await eventually('logs come through the new agent', async () => (await onServer(['logs', 'web-n2'])).code === 0);
  });

  test('a second upgrade finds nothing to do', async () => {
    const { stdout } = await withProgram(path.join(root, 'naru'), 'upgrade');
    assert.match(stdout, /the server has it already[^]*n2: has this version already/);
  });

  test('the machine comes back with the version that it was given, after a power cut', async () => {
    client?.kill('SIGKILL');
    assert.equal(complaints, '');
    assert.ok(asked > 50, String(asked));
    console.log(`requests during the upgrades: ${asked}, none failed`);
    await two.crash();
    await two.powerOn();
    await must(two, 'join');
    const { metadata } = await json<Node>('get', 'node', 'n2');
    assert.match(metadata?.annotations?.['naru.io/agent-running'] ?? '', /^[0-9a-f]{64}$/);
    const running = JSON.parse(readFileSync(path.join(two.home, 'versions/state.json'), 'utf8')) as {
      current?: string;
    };
    assert.equal(running.current, metadata?.annotations?.['naru.io/agent-running']);
  });
});
