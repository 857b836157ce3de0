import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../api/schema/types/core-v1.ts';
import { makeIngress, makeService, outcome, problemsOf, translated } from './ingress/testing.ts';
import { Backends } from './routes/backends.ts';
import { Grants } from './routes/grants.ts';
import { Policies } from './routes/policies.ts';

function second(value: string): Service {
  const service = makeService('web');
  return { ...service, metadata: { ...service.metadata, annotations: { 'naru.io/proxy-protocol': value } } };
}

const ofGateway = (service: Service) =>
  new Backends({ find: () => service }, new Grants([]), new Policies([], {} as never)).find({
    reference: { name: 'web', port: 80 },
    routeKind: 'TLSRoute',
    source: { kind: 'TLSRoute', namespace: 'default', name: 'r' },
    at: 'spec.rules[0].backendRefs[0]',
    isPassedOn: true,
  });

test('a Service says which PROXY header its servers get, of Ingresses and of Gateways', () => {
  for (const version of ['v1', 'v2'] as const) {
    const services = [second(version)];
    const plan = translated([makeIngress({ rules: { 'a.example/': 'web' } })], { services });
    assert.deepEqual(
      [...plan.backends.values()].map(({ sendProxy }) => sendProxy),
      [version],
    );
    assert.equal(outcome(plan, 'http://a.example/'), 'web:http /');
    const { backend } = ofGateway(second(version));
    assert.deepEqual([backend?.sendProxy, backend?.protocol], [version, 'tcp']);
  }
  assert.equal(ofGateway(makeService('web')).backend?.sendProxy, undefined);
});

test('a version that is not known leads nowhere, and is told', () => {
  const why = 'the annotation naru.io/proxy-protocol of Service web must be "v1" or "v2"';
  const plan = translated([makeIngress({ rules: { 'a.example/': 'web' } })], { services: [second('yes')] });
  assert.equal(outcome(plan, 'http://a.example/'), '503 /');
  assert.deepEqual(problemsOf(plan), [`web UnsupportedBackend: spec.rules[0].http.paths[0]: ${why}`]);
  const { backend, verdict } = ofGateway(second('yes'));
  assert.equal(backend, undefined);
  assert.equal(verdict.reason, 'UnsupportedProtocol');
  assert.equal(verdict.message, `spec.rules[0].backendRefs[0]: ${why}`);
});
