import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection, startRegistry, type TestRegistry } from './testing.ts';

async function refusal(cluster: TestRegistry, resource: string, fieldSelector: string): Promise<string> {
  return (await rejection(cluster.list(resource, { fieldSelector }), 'BadRequest')).message;
}

test('pods are selected by the fields that upstream selects them by', async () => {
  const cluster = await startRegistry();
  const spec = {
    nodeName: 'n1',
    restartPolicy: 'Never',
    schedulerName: 'mine',
    serviceAccountName: 'bot',
    hostNetwork: true,
  };
  await cluster.create('serviceaccounts', { metadata: { name: 'bot' } });
  await cluster.create('pods', make.pod({ spec }, 'a'));
  await cluster.create('pods', make.pod({}, 'b'));
  const status = { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] };
  await cluster.patch('pods', 'a', { status }, { subresource: 'status' });
  await cluster.patch('pods', 'b', { status: { nominatedNodeName: 'n2' } }, { subresource: 'status' });
  const takesA = [
    'spec.nodeName=n1',
    'spec.host=n1',
    'spec.restartPolicy=Never',
    'spec.schedulerName=mine',
    'spec.serviceAccountName=bot',
    'spec.hostNetwork=true',
    'status.phase=Running',
    'status.podIP=10.0.0.7',
    'spec.nodeName!=',
    'metadata.name=a,metadata.namespace=default,spec.nodeName==n1',
  ];
  for (const fieldSelector of takesA)
    assert.deepEqual(await cluster.names('pods', { fieldSelector }), ['a'], fieldSelector);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'status.nominatedNodeName=n2' }), ['b']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'spec.hostNetwork=false' }), ['b']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'spec.nodeName=' }), ['b']);
  assert.deepEqual(await cluster.names('pods', { fieldSelector: 'status.podIPs=10.0.0.7' }), []);
  assert.equal(await refusal(cluster, 'pods', 'spec.foo=1'), 'field label not supported: spec.foo');
  assert.equal(await refusal(cluster, 'pods', 'toString=1'), 'field label not supported: toString');
});

test('the other kinds with fields of their own take those, and say what they do not take', async () => {
  const cluster = await startRegistry();
  await cluster.create('secrets', make.secret());
  await cluster.create('nodes', make.node({ spec: { unschedulable: true } }));
  await cluster.create('jobs.batch', make.job());
  await cluster.create('replicasets.apps', make.replicaSet());
  await cluster.create('services', make.service());
  const takes: readonly (readonly [string, string, string])[] = [
    ['secrets', 'type=Opaque', 'secret'],
    ['nodes', 'spec.unschedulable=true', 'n1'],
    ['jobs.batch', 'status.successful=0', 'once'],
    ['replicasets.apps', 'status.replicas=0', 'web'],
    ['services', 'spec.type=ClusterIP,metadata.name=web', 'web'],
    ['namespaces', 'status.phase=Active,metadata.name=default', 'default'],
  ];
  for (const [resource, fieldSelector, name] of takes) {
    assert.deepEqual(await cluster.names(resource, { fieldSelector }), [name], `${resource} ${fieldSelector}`);
  }
  assert.equal(
    await refusal(cluster, 'jobs.batch', 'status.active=1'),
    'field label "status.active" not supported for Job',
  );
  assert.equal(await refusal(cluster, 'namespaces', 'name=default'), 'field label not supported: name');
  assert.equal(
    await refusal(cluster, 'nodes', 'metadata.namespace=x'),
    'field label not supported: metadata.namespace',
  );
  assert.equal(
    await refusal(cluster, 'resourceslices.resource.k8s.io', 'spec.pool=x'),
    'field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: spec.pool',
  );
  const unknown = (label: string) =>
    `"${label}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
  assert.equal(await refusal(cluster, 'configmaps', 'data=1'), unknown('data'));
  assert.equal(await refusal(cluster, 'deployments.apps', 'status.replicas=1'), unknown('status.replicas'));
  assert.deepEqual(await cluster.names('storageclasses.storage.k8s.io', { fieldSelector: 'metadata.namespace=x' }), []);
});

test('events are selected by the words of the group that they are asked for in', async () => {
  const cluster = await startRegistry();
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1', fieldPath: 'spec.containers{a}' };
  const event = {
    metadata: { name: 'e1' },
    involvedObject,
    reason: 'Started',
    type: 'Normal',
    source: { component: 'kubelet' },
  };
  await cluster.create('events', { apiVersion: 'v1', kind: 'Event', ...event });
  const core = [
    'involvedObject.kind=Pod,involvedObject.uid=u1',
    'reason=Started,type!=Warning',
    'source=kubelet',
    'reportingComponent=',
  ];
  for (const fieldSelector of core)
    assert.deepEqual(await cluster.names('events', { fieldSelector }), ['e1'], fieldSelector);
  const renamed = [
    'regarding.name=web,regarding.fieldPath=spec.containers{a}',
    'reason=Started',
    'reportingController=',
  ];
  for (const fieldSelector of renamed) {
    assert.deepEqual(await cluster.names('events.events.k8s.io', { fieldSelector }), ['e1'], fieldSelector);
  }
  assert.equal(await refusal(cluster, 'events', 'regarding.name=web'), 'field label not supported: regarding.name');
  for (const label of ['involvedObject.name', 'source', 'reportingComponent']) {
    assert.equal(await refusal(cluster, 'events.events.k8s.io', `${label}=x`), `field label not supported: ${label}`);
  }
});

test('an object that enters a field selector is added to a watch in any version, one that leaves it deleted', async () => {
  const cluster = await startRegistry();
  const watches = await Promise.all([
    cluster.watch('pods', { fieldSelector: 'status.phase=Running' }),
    cluster.watch('pods', { fieldSelector: 'spec.nodeName!=n1', namespace: '' }),
  ]);
  await cluster.create('pods', make.pod({}, 'a'));
  await cluster.patch('pods', 'a', { status: { phase: 'Running' } }, { subresource: 'status' });
  await cluster.create(
    'pods',
    { metadata: { name: 'a' }, target: { name: 'n1' } },
    { name: 'a', subresource: 'binding' },
  );
  await cluster.patch('pods', 'a', { status: { phase: 'Failed' } }, { subresource: 'status' });
  const [running, elsewhere] = watches;
  assert.deepEqual(running?.summary, ['ADDED a', 'MODIFIED a', 'DELETED a']);
  assert.deepEqual(elsewhere?.summary, ['ADDED a', 'MODIFIED a', 'DELETED a']);
  const left = running?.events[2]?.object as { status?: { phase?: string }; metadata?: { resourceVersion?: string } };
  assert.deepEqual([left.status?.phase, left.metadata?.resourceVersion], ['Running', String(cluster.store.revision)]);
});

test('a namespace in the field selector narrows a list and a watch over all of them', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({}, 'here'));
  const options = { namespace: '', fieldSelector: 'metadata.namespace=default' };
  const watch = await cluster.watch('configmaps', options);
  await cluster.create('configmaps', make.configMap({}, 'there'), { namespace: 'kube-system' });
  assert.deepEqual(await cluster.names('configmaps', options), ['here']);
  assert.deepEqual(watch.summary, ['ADDED here']);
  assert.deepEqual(await cluster.names('configmaps', { ...options, namespace: 'kube-system' }), []);
  const both = { namespace: '', fieldSelector: 'metadata.namespace=kube-system,metadata.name=there' };
  assert.deepEqual(await cluster.names('configmaps', both), ['there']);
});

test('a selector beside a name in the URL must name the same object', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({}, 'a'));
  const watch = await cluster.watch('configmaps', { name: 'a', fieldSelector: 'metadata.name=a' });
  assert.deepEqual(watch.summary, ['ADDED a']);
  for (const fieldSelector of ['metadata.name=b', 'metadata.name!=b', 'metadata.namespace=default']) {
    const error = await rejection(cluster.watch('configmaps', { name: 'a', fieldSelector }), 'BadRequest');
    assert.equal(error.message, "fieldSelector metadata.name doesn't match requested name");
  }
});
