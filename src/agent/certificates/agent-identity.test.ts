import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { httpsClient } from '../../client/https-client.ts';
import { readKubeconfig, writeKubeconfig } from '../../client/kubeconfig.ts';
import { configMaps } from '../../client/resources.ts';
import { RealClock } from '../../lib/clock.ts';
import { FakeRegistry, startTestServer } from '../../server/testing.ts';
import { AgentIdentity } from './agent-identity.ts';

test('a renewed certificate is in the file, for its owner only, and the next request comes with it', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'naru-identity-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'agent.kubeconfig');
  const handler = new FakeRegistry();
  handler.add('configmaps', { metadata: { namespace: 'default', name: 'one' } });
  const running = await startTestServer({ handler });
  const { server, authority } = running;
  const issue = (user: string) => authority.issueClient({ user, groups: ['system:masters'] });
  const first = await issue('first');
  const common = { server: server.address, ca: authority.certificate, user: 'agent', cluster: 'test' };
  await writeKubeconfig(file, { ...common, clientCert: first.certificate, clientKey: first.key });
  const identity = await AgentIdentity.read(file);
  const client = httpsClient({ config: identity.config, clock: new RealClock() });
  const reference = { namespace: 'default', name: 'one' };
  await client.get(configMaps, reference);
  const second = await issue('second');
  await identity.keep(second, client);
  await client.get(configMaps, reference);
  assert.deepEqual(
    handler.calls.map(({ target }) => target.user.name),
    ['first', 'second'],
  );
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const read = await readKubeconfig(file);
  assert.deepEqual([read.clientCertificate, read.clientKey], [second.certificate, second.key]);
  assert.equal(identity.credentials().certificate, second.certificate);
  client.close();
  await running.stop();
});

test('all else in the kubeconfig stays; a file that it named gives way to what is inline', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'naru-identity-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'kubeconfig');
  for (const name of ['ca', 'cert', 'key']) await writeFile(path.join(folder, name), name);
  const text = `apiVersion: v1
kind: Config
current-context: mine
contexts:
- {name: mine, context: {cluster: c, user: u}}
- {name: other, context: {cluster: c, user: v}}
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca}}]
users:
- {name: u, user: {client-certificate: cert, client-key: key}}
- {name: v, user: {token: t}}
`;
  await writeFile(file, text);
  const identity = await AgentIdentity.read(file);
  await identity.keep({ certificate: 'new cert', key: 'new key' }, { renew: () => {} });
  assert.equal((await readKubeconfig(file)).clientCertificate, 'new cert');
  assert.equal((await readKubeconfig(file)).clientKey, 'new key');
  assert.equal((await readKubeconfig(file)).ca, 'ca');
  assert.equal((await readKubeconfig(file, 'other')).token, 't');
  assert.doesNotMatch(await readFile(file, 'utf8'), /client-key:/);
});

test('a kubeconfig without a client certificate is refused by name', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'naru-identity-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'kubeconfig');
  await writeKubeconfig(file, { server: 'https://127.0.0.1:1', ca: 'x', token: 't', user: 'u', cluster: 'c' });
  await assert.rejects(
    AgentIdentity.read(file),
    /^Error: the kubeconfig .*kubeconfig must hold a certificate authority and a client/,
  );
});
