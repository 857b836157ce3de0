/** Secrets on disk, as an operator sees them: sealed from the first start, a new key without a pause, a lost key told in a sentence. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { TestCluster } from '../harness.ts';

const marker = Buffer.from('this-is-the-password').toString('base64');

describe('naru secrets-encrypt', { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  const at = (name: string): string => path.join(cluster.home, name);
  const isPlain = (): boolean =>
    ['state.db', 'state.db-wal'].some((name) => existsSync(at(name)) && readFileSync(at(name)).includes(marker));

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });
  after(() => TestCluster.closeAll());

  test('a Secret reads back, and is not on disk', async () => {
    await cluster.mustKubectl('create', 'secret', 'generic', 'db', '--from-literal=password=this-is-the-password');
    assert.equal(await cluster.mustKubectl('get', 'secret', 'db', '-o', 'jsonpath={.data.password}'), marker);
    assert.equal(isPlain(), false);
    const { stdout } = await cluster.naru('secrets-encrypt', 'status');
    assert.match(
      stdout,
      /^secrets: sealed\n {2}\* aesgcm key key-\w+: [1-9]\d* values\n {4}identity \(not sealed\): 0 values$/m,
    );
  });

  test('rotate makes a new key and waits until the old one is gone, while the cluster runs', async () => {
    const before = readFileSync(at('encryption.yaml'), 'utf8');
    const { code, stdout, stderr } = await cluster.naru('secrets-encrypt', 'rotate');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /seals from now on\.\nEverything is sealed with it; the old key was removed/);
    const now = readFileSync(at('encryption.yaml'), 'utf8');
    assert.notEqual(now, before);
    assert.equal(now.match(/secret:/g)?.length, 1);
    assert.equal(await cluster.mustKubectl('get', 'secret', 'db', '-o', 'jsonpath={.data.password}'), marker);
    assert.equal(isPlain(), false);
  });

  test('without its key the cluster does not start, and says what to restore', async () => {
    await cluster.naru('down');
    assert.equal(isPlain(), false);
    renameSync(at('encryption.yaml'), `${at('encryption.yaml')}.away`);
    const failed = await cluster.naru('up', '--simulated-nodes', '1');
    assert.notEqual(failed.code, 0);
    assert.match(
      failed.stderr,
      /encryption\.yaml is missing, and the state beside it holds values.*restore the file from a backup/,
    );
    renameSync(`${at('encryption.yaml')}.away`, at('encryption.yaml'));
    const again = await cluster.naru('up', '--simulated-nodes', '1');
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await cluster.mustKubectl('get', 'secret', 'db', '-o', 'jsonpath={.data.password}'), marker);
  });

  test('a Secret that was tampered with cannot be read, nothing else suffers, and it can be deleted by force', async () => {
    await cluster.mustKubectl('create', 'secret', 'generic', 'bad', '--from-literal=password=x');
    await cluster.mustNaru('down');
    const database = new DatabaseSync(at('state.db'));
    const row = database.prepare(`SELECT revision, value FROM log WHERE name='bad' AND collection='secrets'`).get();
    const { revision, value } = row as { revision: number; value: Uint8Array };
    value[value.length - 1] = (value.at(-1) as number) ^ 1;
    database.prepare('UPDATE log SET value=? WHERE revision=?').run(value, revision);
    database.close();
    await cluster.mustNaru('up', '--simulated-nodes', '1');
    const message =
      'Error from server (InternalError): Internal error occurred: unable to transform key "/registry/secrets/default/bad": cipher: message authentication failed\n';
    for (const args of [
      ['get', 'secret', 'bad'],
      ['delete', 'secret', 'bad'],
      ['label', 'secret', 'bad', 'a=b'],
    ]) {
      assert.equal((await cluster.kubectl(args)).stderr, message, args.join(' '));
    }
    assert.equal(await cluster.mustKubectl('get', 'secrets', '-o', 'name'), 'secret/db\n');
    const taken = await cluster.kubectl(['create', 'secret', 'generic', 'bad']);
    assert.match(taken.stderr, /secrets "bad" already exists/);
    const options = '{"ignoreStoreReadErrorWithClusterBreakingPotential":true}';
    const url = '/api/v1/namespaces/default/secrets/bad';
    const forced = (...more: string[]) =>
      cluster.kubectl(['delete', '--raw', url, '-f', '-', ...more], { input: options });
    assert.match((await forced('--as=eve')).stderr, /forbidden/);
    assert.match((await forced()).stdout, /"status":"Success"/);
    await cluster.mustKubectl('create', 'secret', 'generic', 'bad');
    assert.equal(await cluster.mustKubectl('get', 'secret', 'db', '-o', 'jsonpath={.data.password}'), marker);
    assert.match(readFileSync(at('naru.log'), 'utf8'), /"message":"an object cannot be read".*"name":"bad"/);
  });

  test('every file of the home is for its owner alone', () => {
    const open = readdirSync(cluster.home, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const found = lstatSync(at(name), { throwIfNoEntry: false });
      return found !== undefined && (found.mode & 0o077) !== 0;
    });
    assert.deepEqual(open, []);
    assert.equal(lstatSync(cluster.home).mode & 0o077, 0);
  });
});
