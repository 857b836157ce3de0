/**
 * An upgrade: what the commit before this one started and wrote, this one takes over. Its sources are unpacked beside these, and run with the
 * same dependencies; where there is no Git history, or the dependencies were others, that is said and skipped.
 *
 * The commit before: the one that is checked out where sources were changed since, else the last one before it that has other sources.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Node, Pod, Secret } from '../../src/api/schema/types/core-v1.ts';
import { type CommandResult, eventually, leftSince, machineState, root, run, TestCluster } from '../harness.ts';
import { create, forever, isReady, type Manifest, podManifest, script, statusOf } from './workload.ts';

interface Previous {
  readonly commit: string;
  readonly folder: string;
}

const git = async (...args: string[]): Promise<string | undefined> => {
  const { code, stdout } = await run('git', ['-C', root, ...args]);
  return code === 0 ? stdout.trim() : undefined;
};

async function previousCommit(): Promise<string | undefined> {
  const changed = await git('status', '--porcelain', '--', 'src');
  if (changed === undefined) return undefined;
  if (changed !== '') return git('rev-parse', 'HEAD');
  const last = await git('rev-list', '-n1', 'HEAD', '--', 'src');
  return last ? git('rev-parse', '--verify', '--quiet', `${last}^`) : undefined;
}

/** Its sources in a folder of their own, or why not. */
async function unpackPrevious(): Promise<Previous | string> {
  const commit = await previousCommit();
  if (commit === undefined || commit === '') return 'there is no Git history with an earlier commit';
  const lock = (await git('show', `${commit}:package-lock.json`)) ?? '';
  if (lock !== readFileSync(path.join(root, 'package-lock.json'), 'utf8').trim())
    return 'the commit before has other dependencies, which are not installed';
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-previous-'));
  const archive = path.join(folder, 'sources.tar');
  await git('archive', '--output', archive, commit, 'naru', 'src', 'tools', 'package.json', 'package-lock.json');
  const { code, stderr } = await run('tar', ['-xf', archive, '-C', folder]);
  assert.equal(code, 0, stderr);
  // The packages, but not what this checkout keeps beside them: each has bundles of its own.
  mkdirSync(path.join(folder, 'node_modules'));
  for (const name of readdirSync(path.join(root, 'node_modules')).filter((each) => each !== '.cache'))
    symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
  return { commit, folder };
}

describe('what the commit before left behind', { timeout: 300_000 }, () => {
  let machine: readonly string[];
  let previous: Previous | string;
  let scratch: string;

  before(async () => {
    machine = await machineState();
    previous = await unpackPrevious();
    scratch = mkdtempSync(path.join(os.tmpdir(), 'naru-upgrade-'));
  });

  after(async () => {
    await TestCluster.closeAll();
    if (typeof previous !== 'string') rmSync(previous.folder, { recursive: true, force: true });
    rmSync(scratch, { recursive: true, force: true });
    assert.deepEqual(await leftSince(machine), [], 'naru down leaves nothing behind on the machine');
  });

  /** Undefined, and the test skipped, where there is none. */
  const found = (context: TestContext): Previous | undefined => {
    if (typeof previous !== 'string') return previous;
    context.skip(previous);
    return undefined;
  };

  const old = ({ folder }: Previous, home: string, ...args: string[]): Promise<CommandResult> =>
    run(process.execPath, [path.join(folder, 'src/main.ts'), ...args], {
      env: { NARU_HOME: home },
      timeoutMs: 180_000,
    });

  async function mustOld(from: Previous, home: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await old(from, home, ...args);
    assert.equal(code, 0, `${from.commit}: naru ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  }

  const secret: Manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'password' },
    stringData: { pw: 'hunter2' },
  };

  const passwordOf = async (cluster: TestCluster): Promise<string> => {
    const { data } = await cluster.json<Secret>('get', 'secret', 'password');
    return Buffer.from(data?.['pw'] ?? '', 'base64').toString();
  };

  async function whoami(cluster: TestCluster, token: string): Promise<string> {
    const { server, authority } = cluster.connection;
    const file = path.join(scratch, 'ca.crt');
    writeFileSync(file, authority);
    const trust = ['--kubeconfig', '/dev/null', '--server', server, '--certificate-authority', file];
    const { stdout, stderr } = await cluster.kubectl([...trust, '--token', token, 'auth', 'whoami']);
    return stdout + stderr;
  }

  /** `naru down` would end the containers, too. */
  async function endProcess(cluster: TestCluster, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { pid } = cluster;
    process.kill(pid, signal);
    await eventually('the process has ended', () => !existsSync(`/proc/${pid}`) || hasEnded(pid) || undefined);
  }

  /** It waits to be noticed by the machine's init. */
  const hasEnded = (pid: number): boolean => /^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

  const podOf = (cluster: TestCluster, name: string) => cluster.json<Pod>('get', 'pod', name);
  const ready = (cluster: TestCluster, name: string) =>
    eventually(`pod ${name} is ready`, async () => {
      const pod = await podOf(cluster, name);
      return isReady(pod) ? pod : undefined;
    });

  test('after a crash in the middle of work, containers run on, and objects, Secrets, certificates and tokens hold', async (context) => {
    const from = found(context);
    if (from === undefined) return;
    const cluster = await TestCluster.create();
    await mustOld(from, cluster.home, 'up', '--port', '0', '--wait');
    await mustOld(from, cluster.home, 'image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    const volumes = [{ name: 'password', secret: { secretName: 'password' } }];
    const volumeMounts = [{ name: 'password', mountPath: '/password' }];
    await create(
      cluster,
      secret,
      podManifest('web', { restartPolicy: 'Always', volumes, containers: [script(forever, { volumeMounts })] }),
    );
    const before_ = await ready(cluster, 'web');
    const token = (await cluster.mustKubectl('create', 'token', 'default', '--duration', '24h')).trim();
    const { authority } = cluster.connection;
    const [node] = (await cluster.json<{ items: Node[] }>('get', 'nodes')).items;
    await endProcess(cluster, 'SIGKILL');

    await cluster.mustNaru('up', '--wait');
    const now = await ready(cluster, 'web');
    assert.equal(now.metadata?.uid, before_.metadata?.uid);
    assert.equal(statusOf(now)?.containerID, statusOf(before_)?.containerID, 'it was not restarted');
    assert.equal(statusOf(now)?.restartCount, 0);
    assert.equal(await cluster.mustKubectl('exec', 'web', '--', 'cat', '/password/pw'), 'hunter2');
    assert.equal(await passwordOf(cluster), 'hunter2');
    assert.equal(cluster.connection.authority, authority);
    assert.match(await whoami(cluster, token), /system:serviceaccount:default:default/);
    const [still] = (await cluster.json<{ items: Node[] }>('get', 'nodes')).items;
    assert.equal(still?.metadata?.uid, node?.metadata?.uid);
    // What is new comes with the upgrade: new pods start, and go.
    await create(cluster, podManifest('more', { restartPolicy: 'Always', containers: [script(forever)] }));
    await ready(cluster, 'more');
    await cluster.mustKubectl('delete', 'pod', 'web', 'more', '--now');
    await cluster.close();
  });

  test('after an orderly end, simulated pods and all else are there; a backup of its is brought back', async (context) => {
    const from = found(context);
    if (from === undefined) return;
    const cluster = await TestCluster.create();
    await mustOld(from, cluster.home, 'up', '--port', '0', '--wait', '--simulated-nodes', '2');
    await create(cluster, secret);
    await cluster.mustKubectl('create', 'deployment', 'web', '--image', 'image', '--replicas', '3');
    await cluster.mustKubectl('rollout', 'status', 'deployment/web', '--timeout', '60s');
    const uids = () => cluster.mustKubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}');
    const before_ = await uids();
    const token = (await cluster.mustKubectl('create', 'token', 'default', '--duration', '24h')).trim();
    const saved = path.join(scratch, 'saved.tar.gz');
    const hasBackup = (await old(from, cluster.home, 'backup', '--help')).stdout.includes('naru backup');
    if (hasBackup) await mustOld(from, cluster.home, 'backup', saved);
    else context.diagnostic('the commit before has no naru backup: that part is skipped');
    await endProcess(cluster, 'SIGTERM');

    const holds = async (): Promise<void> => {
      await cluster.mustNaru('up', '--wait');
      await cluster.mustKubectl('rollout', 'status', 'deployment/web', '--timeout', '60s');
      assert.equal(await uids(), before_);
      assert.equal(await passwordOf(cluster), 'hunter2');
      assert.match(await whoami(cluster, token), /system:serviceaccount:default:default/);
    };
    await holds();
    if (hasBackup) {
      await cluster.mustKubectl('delete', 'deployment', 'web');
      await cluster.mustNaru('down');
      await cluster.mustNaru('restore', '--force', saved);
      await holds();
    }
    await cluster.close();
  });
});
