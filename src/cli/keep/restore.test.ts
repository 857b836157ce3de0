import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { startCluster } from '../../cluster.ts';
import { type Home, homeOf, makeHome } from '../../home.ts';
import { readSettings, updateSettings } from '../settings.ts';
import { backup } from './backup.ts';
import { restore } from './restore.ts';

interface Lab {
  readonly home: Home;
  readonly saved: string;
  /** What the commands said. */
  readonly said: () => string;
  /** Starts the cluster, acts, and ends it. */
  readonly during: <T>(act: (client: Client) => Promise<T>) => Promise<T>;
}

const place = (name: string) => ({ namespace: 'default', name });

async function lab(context: TestContext): Promise<Lab> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-restore-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = homeOf(path.join(folder, 'home'));
  let text = '';
  context.mock.method(console, 'log', (line: string) => (text += `${line}\n`));
  await updateSettings(home, { simulatedNodes: 1, nodeName: 'first' });
  const during = async <T>(act: (client: Client) => Promise<T>): Promise<T> => {
    const cluster = await startCluster({ home, nodes: { kind: 'none', name: 'first' } });
    try {
      return await act(cluster.client());
    } finally {
      await cluster.close();
    }
  };
  await during(async (client) => {
    await client.create(secrets, { metadata: place('password'), data: { pw: 'aHVudGVyMg==' } });
    await client.create(configMaps, { metadata: place('before') });
  });
  return { home, saved: path.join(folder, 'saved.tar.gz'), said: () => text, during };
}

const names = async (client: Client): Promise<readonly (string | undefined)[]> =>
  (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name);

test('a backup of a running cluster comes back, in place of the one that is here, which is kept', async (context) => {
  const { home, saved, said, during } = await lab(context);
  const seen = await during(async (client) => {
    await backup(home, saved);
    await client.create(configMaps, { metadata: place('after') });
    const running = restore(home, saved, { force: true });
    await assert.rejects(running, /in use by another running naru/);
    return (await client.list(configMaps)).metadata.resourceVersion;
  });
  await assert.rejects(restore(home, saved, {}), /holds a cluster; with --force it is set aside/);
  await restore(home, saved, { force: true });
  assert.match(said(), /Restored the cluster of .*\nWhat stood here is kept in/);
  const [aside = ''] = readdirSync(home.setAside);
  assert.ok(existsSync(path.join(home.setAside, aside, 'state.db')));
  assert.ok(!existsSync(home.restoring) && !existsSync(home.backingUp));
  await during(async (client) => {
    assert.equal((await client.get(secrets, place('password'))).data?.['pw'], 'aHVudGVyMg==');
    assert.deepEqual((await names(client)).toSorted(), ['before', 'kube-root-ca.crt']);
    const { metadata } = await client.list(configMaps);
    assert.ok(Number(metadata.resourceVersion) > Number(seen));
  });
});

test('on another machine the node is another, and the volumes that are missing are told', async (context) => {
  const { home, saved, said } = await lab(context);
  mkdirSync(path.join(home.volumes, 'pvc-1'), { recursive: true });
  writeFileSync(home.settings, JSON.stringify({ ...readSettings(home), simulatedNodes: 0 }));
  await backup(home, saved);
  assert.match(said(), /Not in it: what lies in 1 volumes of this machine/);
  const text = gunzipSync(readFileSync(saved));
  const at = text.indexOf('"machine": "');
  text.write('0123456789abcdef', at + '"machine": "'.length);
  writeFileSync(saved, gzipSync(text));
  const elsewhere = homeOf(`${home.root}-elsewhere`);
  await restore(elsewhere, saved, {});
  assert.notEqual(readSettings(elsewhere).nodeName, 'first');
  assert.match(said(), /This is another machine: its node is .*naru node remove first/);
  assert.match(said(), /The contents of 1 volumes were not in the backup and are not on this machine: pvc-1/);
});

test('a backup whose keys do not open it is found out before anything is moved', async (context) => {
  const { home, saved } = await lab(context);
  await backup(home, saved);
  const before = readdirSync(home.root);
  const bytes = gunzipSync(readFileSync(saved));
  // The keys are others: the archive's digest of them is made to fit.
  const { createHash } = await import('node:crypto');
  const keys = readFileSync(home.encryptionConfig);
  const other = Buffer.from(
    keys.toString().replace(/secret: (.)/, (_, first) => `secret: ${first === 'A' ? 'B' : 'A'}`),
  );
  const digest = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  let hex = bytes.toString('latin1').replace(digest(keys), digest(other));
  hex = hex.replace(keys.toString('latin1'), other.toString('latin1'));
  writeFileSync(saved, gzipSync(Buffer.from(hex, 'latin1')));
  await assert.rejects(restore(home, saved, { force: true }), /sealed with another key of the name/);
  assert.deepEqual(readdirSync(home.root), before);
});

test('a machine without a cluster says where there is one to save; one that has joined is nobody’s server', async (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-restore-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = homeOf(path.join(folder, 'home'));
  await assert.rejects(backup(home, path.join(folder, 'saved')), /there is no cluster in .* to back up/);
  makeHome(home);
  writeFileSync(home.agentKubeconfig, '');
  await assert.rejects(backup(home, path.join(folder, 'saved')), /this machine is a node: .* run naru backup there/);
  await assert.rejects(restore(home, path.join(folder, 'saved'), {}), /leave that first: naru down --all/);
});

test('a backup is not written over a file, nor where there is no folder', async (context) => {
  const { home, saved } = await lab(context);
  writeFileSync(saved, 'mine');
  await assert.rejects(backup(home, saved), /is there already/);
  assert.equal(readFileSync(saved, 'utf8'), 'mine');
  await assert.rejects(backup(home, path.join(home.root, 'none', 'x')), /the folder of .* is not there/);
});

test('what a restore that was cut short left is cleared away by the next', async (context) => {
  const { home, saved } = await lab(context);
  await backup(home, saved);
  mkdirSync(home.restoring);
  writeFileSync(path.join(home.restoring, 'state.db'), 'half');
  rmSync(home.state);
  await restore(home, saved, {});
  assert.ok(existsSync(home.state) && !existsSync(home.restoring));
});
