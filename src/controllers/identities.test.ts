import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inProcessClient } from '../client/in-process-client.ts';
import { InformerSet } from '../client/informer.ts';
import { deployments, namespaces, pods } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import type { AuthorizationAttributes, Authorizer } from '../registry/request.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { RuleAuthorizer } from '../server/authorization/authorization.ts';
import { allControllers } from './index.ts';
import { addNode, inDefault, KubeletPlayer, makeDeployment } from './testing.ts';

test('the loops and the scheduler do all their work with the rights that upstream gives them', async () => {
  const api = await startTestApi();
  const rules = new RuleAuthorizer();
  const refused = new Set<string>();
  const authorizer: Authorizer = {
    decide(attributes: AuthorizationAttributes) {
      const decision = rules.decide(attributes);
      const { verb, group, resource, subresource } = attributes;
      if (!decision.allowed) refused.add(`${attributes.user.name}: ${verb} ${resource}.${group}/${subresource}`);
      return decision;
    },
  };
  const as = (name: string) => {
    const user = { name, groups: ['system:authenticated'] };
    const client = inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
    return { ...api, client, informers: new InformerSet({ ...api, client }) };
  };
  const manager = as('system:kube-controller-manager');
  const scheduling = as('system:kube-scheduler');
  const kubelet = new KubeletPlayer(api);
  kubelet.binds = false;
  const services = [
    api.informers,
    manager.informers,
    ...allControllers({ ...manager, rootCa: 'CA' }),
    scheduling.informers,
    new Scheduler(scheduling),
  ];
  for (const service of services) await service.start();
  await addNode(api.client, 'node');
  await api.client.create(namespaces, { metadata: { name: 'going' } });
  await api.client.create(deployments, makeDeployment('web'));
  await api.client.create(deployments, makeDeployment('huge', { spec: { replicas: 30 } }));
  await api.clock.advance(20_000);
  await api.client.patch(deployments, inDefault('web'), {
    type: 'strategic',
    body: { spec: { template: { metadata: { annotations: { again: 'yes' } } } } },
  });
  await api.client.delete(namespaces, { namespace: '', name: 'going' });
  await api.client.delete(deployments, inDefault('huge'), { propagationPolicy: 'Foreground' });
  await api.clock.advance(60_000);
  assert.deepEqual([...refused], []);
  assert.equal((await api.client.list(pods, { namespace: 'default' })).items.length, 3);
  assert.equal((await api.client.list(namespaces)).items.length, 1);
  for (const service of services.toReversed()) await service.close();
  await api.store.close();
});
