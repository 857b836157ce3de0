/** What goes wrong on real machines: each case gets one clear sentence and a way out, and loses nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterEach, describe, test } from 'node:test';
import { eventually, root, run, TestCluster } from '../harness.ts';

const simulated = ['up', '--port', '0', '--simulated-nodes', '1'];

/** One sentence for a person: no stack, no JSON. */
function assertSentence(stderr: string, ...parts: RegExp[]): void {
  assert.match(stderr, /^naru: [^\n]+\n$/);
  for (const part of parts) assert.match(stderr, part);
}

describe('naru up on a machine with a problem', { timeout: 300_000 }, () => {
  afterEach(() => TestCluster.closeAll());

  test('a port in use is named, with the way to another', async () => {
    const cluster = await TestCluster.create();
    const squatter = createServer().listen(0, '127.0.0.1');
    await eventually('the port is taken', () => squatter.listening);
    const { port } = squatter.address() as { port: number };
    const { code, stderr } = await cluster.naru('up', '--simulated-nodes', '1', '--port', String(port));
    assert.equal(code, 1);
    assertSentence(stderr, new RegExp(`port ${port} is in use`), /--port/);
    squatter.close();
    await cluster.mustNaru(...simulated);
    await cluster.close();
  });

  test('up again says that it runs, and refuses what it cannot change', async () => {
    const cluster = await TestCluster.up('--simulated-nodes', '1');
    assert.match(await cluster.mustNaru('up'), /already running/);
    const refused = await cluster.naru('up', '--simulated-nodes', '2');
    assert.equal(refused.code, 1);
    assertSentence(refused.stderr, /already runs, with 1 simulated nodes/, /naru down/);
    await cluster.close();
  });

  test('two clusters with different homes run side by side, and down of one leaves the other', async () => {
    const [one, two] = await Promise.all([
      TestCluster.up('--simulated-nodes', '1'),
      TestCluster.up('--simulated-nodes', '2'),
    ]);
    await one.mustKubectl('create', 'configmap', 'only-here');
    assert.match((await two.kubectl(['get', 'configmap', 'only-here'])).stderr, /not found/);
    await one.close();
    assert.match(await two.mustKubectl('get', 'nodes', '-o', 'name'), /node\//);
    await two.close();
  });

  test('objects outlive kill -9, and down without --all', async () => {
    const cluster = await TestCluster.up('--simulated-nodes', '1');
    await cluster.mustKubectl('create', 'configmap', 'kept', '--from-literal=a=b');
    process.kill(cluster.pid, 'SIGKILL');
    await cluster.mustNaru('up');
    assert.equal(await cluster.mustKubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b');
    await cluster.mustNaru('down');
    await cluster.mustNaru('up');
    assert.equal(await cluster.mustKubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b');
    await cluster.close();
  });

  test('a corrupt state file is named and left as it is; with the good one back, all is there', async () => {
    const cluster = await TestCluster.up('--simulated-nodes', '1');
    await cluster.mustKubectl('create', 'configmap', 'precious');
    await cluster.mustNaru('down');
    const file = path.join(cluster.home, 'state.db');
    const good = readFileSync(file);
    const bad = Buffer.from(good);
    bad.fill(0x5a, 0, Math.min(bad.length, 40_000));
    writeFileSync(file, bad);
    const { code, stderr } = await cluster.naru('up');
    assert.equal(code, 1);
    assertSentence(stderr, new RegExp(file.replaceAll('.', '\\.')));
    assert.deepEqual(readFileSync(file), bad, 'nothing was written to the corrupt file');
    writeFileSync(file, good);
    await cluster.mustNaru('up');
    await cluster.mustKubectl('get', 'configmap', 'precious');
    await cluster.close();
  });

  test('a full disk refuses writes in words, keeps serving reads, and works again when there is room', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('a small file system can only be mounted by root');
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-full-'));
    assert.equal((await run('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', folder])).code, 0);
    t.after(async () => {
      const { code, stderr } = await run('umount', [folder]);
      assert.equal(code, 0, stderr);
      rmSync(folder, { recursive: true });
    });
    const cluster = await TestCluster.upIn(path.join(folder, 'home'), '--simulated-nodes', '1');
    await cluster.mustKubectl('create', 'configmap', 'before');
    const filler = path.join(folder, 'filler');
    await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
    const big = path.join(os.tmpdir(), `${path.basename(folder)}.txt`);
    writeFileSync(big, 'x'.repeat(900_000));
    t.after(() => rmSync(big, { force: true }));
    const refusal = await eventually('a refused write', async () => {
      const name = `big-${process.hrtime.bigint()}`;
      const result = await cluster.kubectl(['create', 'configmap', name, `--from-file=${big}`]);
      return result.code === 0 ? undefined : result;
    });
    assert.match(refusal.stderr, /disk|space|full/i);
    await cluster.mustKubectl('get', 'configmap', 'before');
    rmSync(filler);
    await eventually(
      'a write works again',
      async () => (await cluster.kubectl(['create', 'configmap', 'after'])).code === 0,
    );
    await cluster.mustKubectl('get', 'configmap', 'before');
    await cluster.close();
  });

  test('nothing in the state folder is open to other users', async () => {
    const cluster = await TestCluster.up('--simulated-nodes', '1');
    assert.equal(statSync(cluster.home).mode & 0o077, 0);
    const { stdout } = await run('find', [cluster.home, '-type', 'f', '-perm', '/077']);
    assert.equal(stdout, '');
    await cluster.close();
  });

  test('commands without a cluster say how to start one', async () => {
    const cluster = await TestCluster.create();
    for (const command of ['kubeconfig', 'status']) {
      const { code, stderr } = await cluster.naru(command);
      assert.equal(code, 1);
      assertSentence(stderr, /naru up/);
    }
    await cluster.mustNaru('down', '--all');
  });

  test('the launcher works from any folder and through a link', async () => {
    const { code, stdout } = await run(path.join(root, 'naru'), ['--version'], {});
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });
});
