import assert from 'node:assert/strict';
import { test } from 'node:test';
import { services } from '../client/resources.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { startNode } from './cluster-testing.ts';
import { NodeServices } from './node-services.ts';
import { make } from './testing.ts';

test('a container is told of the services there are; while they are unknown a pod of the API waits, one of a manifest does not', async (context) => {
  const node = await startNode();
  context.after(() => node.close());
  const { client, clock, outage } = node;
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { ports: [{ port: 80 }] },
  });
  const seen = new NodeServices({ client: outage.client(client), clock, prng: new SeededPrng(1), log: silentLogger });
  context.after(() => seen.close());
  outage.begin();
  await seen.start();
  const pod = make.pod();
  const refused = assert.rejects(seen.variables(pod), {
    name: 'ConfigError',
    message: /^services have not yet been read/,
  });
  await clock.advance(1000);
  await refused;
  const fromFile = make.pod({}, { annotations: { 'kubernetes.io/config.source': 'file' } });
  assert.deepEqual(await seen.variables(fromFile), []);

  outage.end();
  await clock.advance(5000);
  const address = (await client.get(services, { namespace: 'default', name: 'web' })).spec?.clusterIP;
  const variables = await seen.variables(pod);
  assert.equal(variables.find(({ name }) => name === 'WEB_SERVICE_HOST')?.value, address);
});

test('a pod runs on a node that tells of services', async (context) => {
  const node = await startNode({ agent: { serviceLinks: true } });
  context.after(() => node.close());
  await node.run();
  await node.running();
});
