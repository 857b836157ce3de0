/**
 * Service accounts as kubectl 1.36 uses them: tokens for a time, for an object, in a Secret; who checks them elsewhere; and the keys that
 * sign them, while the server runs on.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { ConfigMap, Secret } from '../../src/api/schema/types/core-v1.ts';
import { type CommandResult, eventually, findKubectl, run, TestCluster } from '../harness.ts';
import { checkRows, type Row } from './command-table.ts';

const refusals: readonly Row[] = [
  ['create token nobody', /error: failed to create token: serviceaccounts "nobody" not found/, 'fails'],
  ['create token bot --duration=1m', /spec\.expirationSeconds: Invalid value: 60: may not specify a duration/, 'fails'],
  [
    'create token bot --bound-object-kind=Secret --bound-object-name=none',
    /failed to create token: secrets "none" not found/,
    'fails',
  ],
  [
    'create token bot --bound-object-kind=Secret --bound-object-name=key --bound-object-uid=old',
    /Operation cannot be fulfilled on Secret "key": the UID in the bound object reference \(old\) does not match/,
    'fails',
  ],
];

interface WhoAmI {
  readonly status: { readonly userInfo: { readonly username: string; readonly extra?: Record<string, string[]> } };
}

describe('service accounts on a simulated cluster', { timeout: 300_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
    await cluster.mustKubectl('create', 'serviceaccount', 'bot');
    await cluster.mustKubectl('create', 'secret', 'generic', 'key');
  });
  after(() => TestCluster.closeAll());

  const token = async (...args: string[]): Promise<string> =>
    (await cluster.mustKubectl('create', 'token', 'bot', ...args)).trim();
  const asToken = async (text: string, ...args: string[]): Promise<CommandResult> => {
    const { server } = cluster.connection;
    const flags = [`--server=${server}`, `--token=${text}`, '--insecure-skip-tls-verify', '--kubeconfig=/dev/null'];
    return run(await findKubectl(), [...args, ...flags]);
  };
  const whoAmI = async (text: string): Promise<WhoAmI['status']['userInfo'] | string> => {
    const { code, stdout, stderr } = await asToken(text, 'auth', 'whoami', '-o', 'json');
    return code === 0 ? (JSON.parse(stdout) as WhoAmI).status.userInfo : stderr;
  };
  const isGood = async (text: string): Promise<boolean> => typeof (await whoAmI(text)) !== 'string';
  const bot = 'system:serviceaccount:default:bot';

  test('a token says whose it is, and for how long', async () => {
    const text = await token('--duration=10m');
    const { exp = 0, iat = 0, jti, sub } = decodeJwt(text);
    assert.deepEqual([sub, exp - iat], [bot, 600]);
    assert.deepEqual(await whoAmI(text), {
      username: bot,
      uid: (await cluster.json<Secret>('get', 'serviceaccount', 'bot')).metadata?.uid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] },
    });
    assert.equal(await isGood(await token('--audience=vault')), false);
  });

  test('what cannot be asked for is refused in upstream’s words', () => checkRows(cluster, refusals));

  test('a token that is bound to an object ends with it', async () => {
    await cluster.mustKubectl('create', 'secret', 'generic', 'short');
    const ofSecret = await token('--bound-object-kind=Secret', '--bound-object-name=short');
    assert.ok(await isGood(ofSecret));
    await cluster.mustKubectl('delete', 'secret', 'short');
    assert.equal(await isGood(ofSecret), false);
    const ofNode = await whoAmI(await token('--bound-object-kind=Node', '--bound-object-name=simulated-1'));
    const { extra = {} } = typeof ofNode === 'string' ? assert.fail(ofNode) : ofNode;
    assert.deepEqual(extra['authentication.kubernetes.io/node-name'], ['simulated-1']);
  });

  test('a Secret for an account is filled, its token works, and both end with the account', async () => {
    await cluster.mustKubectl('create', 'serviceaccount', 'old');
    const metadata = { name: 'old-token', annotations: { 'kubernetes.io/service-account.name': 'old' } };
    const input = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'kubernetes.io/service-account-token',
    });
    assert.equal((await cluster.kubectl(['create', '-f', '-'], { input })).code, 0);
    const find = () => cluster.json<Secret>('get', 'secret', 'old-token');
    const data = await eventually('the token', async () => {
      const found = (await find()).data;
      return found?.['token'] ? found : undefined;
    });
    const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString();
    assert.equal(text('namespace'), 'default');
    assert.equal(text('ca.crt').trim(), cluster.connection.authority.trim());
    const { server } = cluster.connection;
    const who = await whoAmI(text('token'));
    assert.equal(typeof who === 'string' ? who : who.username, 'system:serviceaccount:default:old', server);
    const label = await eventually(
      'the day of its use',
      async () => (await find()).metadata?.labels?.['kubernetes.io/legacy-token-last-used'],
    );
    assert.match(label, /^\d{4}-\d\d-\d\d$/);
    assert.match(
      await cluster.mustKubectl('describe', 'secret', 'old-token'),
      /Type: +kubernetes\.io\/service-account-token/,
    );
    const name = 'kube-apiserver-legacy-service-account-token-tracking';
    const { data: tracking } = await cluster.json<ConfigMap>('get', 'configmap', '-n', 'kube-system', name);
    assert.match(tracking?.['since'] ?? '', /^\d{4}-\d\d-\d\d$/);
    await cluster.mustKubectl('delete', 'serviceaccount', 'old');
    assert.equal(await isGood(text('token')), false);
    await eventually('the Secret goes', async () => {
      const { code } = await cluster.kubectl(['get', 'secret', 'old-token']);
      return code !== 0 || undefined;
    });
  });

  test('who is to check tokens finds the keys, if they are a service account', async () => {
    const text = await token();
    for (const path of ['/.well-known/openid-configuration', '/openid/v1/jwks']) {
      assert.equal((await asToken(text, 'get', '--raw', path)).code, 0, path);
      const { stderr } = await cluster.kubectl(['get', '--raw', path, '--as=system:anonymous']);
      assert.match(stderr, /forbidden: User "system:anonymous" cannot get path/, path);
    }
  });

  test('keys follow one another without a restart', async () => {
    const idOf = (text: string): string => decodeProtectedHeader(text).kid ?? '';
    const published = async (): Promise<readonly string[]> => {
      const { keys } = JSON.parse(await cluster.mustKubectl('get', '--raw', '/openid/v1/jwks')) as {
        readonly keys: readonly { readonly kid: string }[];
      };
      return keys.map(({ kid }) => kid);
    };
    const { pid } = cluster;
    const first = await token();
    const old = idOf(first);
    assert.match(await cluster.mustNaru('token-key', 'add'), /is published/);
    const both = await eventually('both keys', async () => {
      const ids = await published();
      return ids.length === 2 ? ids : undefined;
    });
    const fresh = both[1] ?? '';
    assert.equal(idOf(await token()), old);
    assert.match(
      (await cluster.naru('token-key', 'use', fresh)).stderr,
      /others may not know key .* yet; try again in/,
    );
    await cluster.mustNaru('token-key', 'use', fresh, '--force');
    const second = await eventually('the new key signs', async () => {
      const text = await token();
      return idOf(text) === fresh ? text : undefined;
    });
    assert.deepEqual([await isGood(first), await isGood(second)], [true, true]);
    assert.match(
      await cluster.mustNaru('token-key', 'list'),
      new RegExp(`${fresh} +ES256 +signs[^]*${old} +ES256 +verifies`),
    );
    await cluster.mustNaru('token-key', 'remove', old, '--force');
    await eventually('the old key is gone', async () => ((await isGood(first)) ? undefined : true));
    assert.ok(await isGood(second));
    assert.equal(cluster.pid, pid);
  });
});
