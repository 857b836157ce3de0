import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { WriteOptions } from '../../registry/request.ts';
import type { Authenticator } from '../authentication/authentication.ts';
import { type Http2Client, startTestServer, type TestServer } from '../testing.ts';
import { AuditLog } from './audit-log.ts';
import { AuditMetrics, Auditor } from './auditor.ts';
import { parsePolicy } from './policy.ts';
import { sourceAddresses } from './source-addresses.ts';

const rules: JsonValue = [
  { level: 'None', nonResourceURLs: ['/metrics', '/readyz*'] },
  { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
  { level: 'Request', verbs: ['delete'], omitStages: ['RequestReceived'] },
  { level: 'RequestResponse', omitManagedFields: true },
];
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, data: { token: 'aHVudGVyMg==' } };

/** Follows member names down. */
function at(value: JsonValue | undefined, ...path: string[]): unknown {
  return path.reduce<unknown>((found, name) => (found as JsonObject | undefined)?.[name], value);
}

describe('auditing', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-audit-'));
  const file = path.join(folder, 'audit.log');
  const metrics = new MetricRegistry();
  let world: TestServer;
  let admin: Http2Client;

  before(async () => {
    const clock = new RealClock();
    const auditMetrics = new AuditMetrics(metrics);
    const dropped = (events: number): void => auditMetrics.dropped(events);
    const log = new AuditLog({ file, bytesMax: 1e6, backupsMax: 0, ageMsMax: 0, clock, log: silentLogger, dropped });
    await log.open();
    const policy = parsePolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
    world = await startTestServer({ metrics, auditor: new Auditor({ policy, log, clock }, auditMetrics) });
    admin = await world.http2('admin');
  });
  after(async () => {
    await world.stop();
    rmSync(folder, { recursive: true });
  });

  /** The events of one request, once its last was written. */
  async function events(auditId: string, last = 'ResponseComplete'): Promise<JsonObject[]> {
    for (;;) {
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
      const found = lines.map((line) => JSON.parse(line) as JsonObject).filter(({ auditID }) => auditID === auditId);
      if (found.some(({ stage }) => stage === last)) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const json = { 'content-type': 'application/json', 'user-agent': 'tester/1' };

  test('a request is told when it comes and when it is answered, with both bodies where the policy wants them', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default', managedFields: [{ manager: 'm' }] },
    };
    const answer = await admin.request('/api/v1/namespaces/default/pods?fieldManager=m', {
      method: 'POST',
      headers: { ...json, 'audit-id': 'one' },
      body: JSON.stringify(pod),
    });
    assert.equal(answer.headers['audit-id'], 'one');
    const [received, complete] = await events('one');
    assert.ok(received && complete);
    assert.equal(received['stage'], 'RequestReceived');
    assert.equal(received['requestObject'], undefined);
    const { requestReceivedTimestamp, stageTimestamp, responseObject, ...rest } = complete;
    assert.match(requestReceivedTimestamp as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.ok((stageTimestamp as string) >= (requestReceivedTimestamp as string));
    assert.equal(((responseObject as JsonObject)['metadata'] as JsonObject)['name'], 'web');
    assert.equal(((responseObject as JsonObject)['metadata'] as JsonObject)['managedFields'], undefined);
    assert.deepEqual(rest, {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'RequestResponse',
      auditID: 'one',
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/default/pods?fieldManager=m',
      verb: 'create',
      user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
      sourceIPs: ['127.0.0.1'],
      userAgent: 'tester/1',
      objectRef: { resource: 'pods', namespace: 'default', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' } },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    });
  });

  test('what a Secret holds is not written down at level Metadata', async () => {
    const path = '/api/v1/namespaces/default/secrets';
    const headers = { ...json, 'audit-id': 'two' };
    await admin.request(path, { method: 'POST', headers, body: JSON.stringify(secret) });
    const [, complete] = await events('two');
    assert.equal(complete?.['level'], 'Metadata');
    assert.doesNotMatch(readFileSync(file, 'utf8'), /aHVudGVyMg/);
  });

  test('what admission has to say stands beside it; what shows parts of the body, only where bodies stand there', async () => {
    const { registry } = world;
    const annotated = async (auditId: string, resource: string, body: object): Promise<unknown> => {
      let pass = (): void => {};
      registry.gate = new Promise((resolve) => (pass = resolve));
      const headers = { ...json, 'audit-id': auditId };
      const url = `/api/v1/namespaces/default/${resource}`;
      const { length } = registry.calls;
      const answer = admin.request(url, { method: 'POST', headers, body: JSON.stringify(body) });
      while (registry.calls.length === length) await new Promise(setImmediate);
      const { annotate } = (registry.calls.at(-1)?.options ?? {}) as WriteOptions;
      annotate?.('mutation.webhook.admission.k8s.io/round_0_index_0', '{}');
      annotate?.('patch.webhook.admission.k8s.io/round_0_index_0', '[]', 'Request');
      pass();
      registry.gate = Promise.resolve();
      await answer;
      const told = (await events(auditId)).find(({ stage }) => stage === 'ResponseComplete');
      return Object.keys(told?.['annotations'] ?? {}).filter((key) => key.includes('webhook'));
    };
    const mutation = 'mutation.webhook.admission.k8s.io/round_0_index_0';
    const patch = 'patch.webhook.admission.k8s.io/round_0_index_0';
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'noted', namespace: 'default' } };
    assert.deepEqual(await annotated('noted-map', 'configmaps', map), [mutation, patch]);
    assert.deepEqual(await annotated('noted-secret', 'secrets', secret), [mutation]);
  });

  test('an error is told with its Status, and a stage that the policy omits is not there', async () => {
    const headers = { 'audit-id': 'three', accept: 'application/yaml' };
    await admin.request('/api/v1/namespaces/default/pods/none', { headers });
    const [, complete] = await events('three');
    const status = { status: 'Failure', reason: 'NotFound', code: 404 };
    assert.deepEqual(
      Object.keys(status).map((name) => at(complete, 'responseStatus', name)),
      Object.values(status),
    );
    assert.equal(at(complete, 'responseObject', 'reason'), 'NotFound');
    await admin.request('/api/v1/namespaces/default/pods/web', {
      method: 'DELETE',
      headers: { 'audit-id': 'four', ...json },
      body: '{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":5}',
    });
    const stages = await events('four');
    assert.deepEqual(
      stages.map(({ stage }) => stage),
      ['ResponseComplete'],
    );
    assert.equal(at(stages[0], 'requestObject', 'gracePeriodSeconds'), 5);
    assert.equal(stages[0]?.['responseObject'], undefined);
  });

  test('a watch is told when its answer begins, and when it is over', async () => {
    const stream = admin.session.request({ ':path': '/api/v1/pods?watch=true', 'audit-id': 'five' });
    await new Promise((resolve) => stream.once('response', resolve));
    await events('five', 'ResponseStarted');
    stream.close();
    const stages = await events('five');
    assert.deepEqual(
      stages.map(({ stage, verb }) => `${verb as string} ${stage as string}`),
      ['watch RequestReceived', 'watch ResponseStarted', 'watch ResponseComplete'],
    );
    assert.deepEqual(stages[2]?.['responseStatus'], { metadata: {}, code: 200 });
  });

  test('who acts as another, who may not, and who is nobody', async () => {
    await admin.request('/api/v1/pods', { headers: { 'audit-id': 'six', 'impersonate-user': 'jane' } });
    const complete = (await events('six')).at(-1);
    assert.equal(at(complete, 'user', 'username'), 'admin');
    assert.equal(at(complete, 'impersonatedUser', 'username'), 'jane');
    assert.equal(at(complete, 'authenticationMetadata', 'impersonationConstraint'), 'impersonate:user-info');
    assert.equal(at(complete, 'annotations', 'authorization.k8s.io/decision'), 'forbid');
    assert.equal(at(complete, 'responseStatus', 'code'), 403);
    const nobody = await world.http2();
    await nobody.request('/api/v1/pods', { headers: { 'audit-id': 'seven', authorization: 'Bearer x' } });
    const refused = (await events('seven')).at(-1);
    assert.deepEqual(refused?.['user'], {});
    assert.equal(at(refused, 'responseStatus', 'code'), 401);
  });

  test('what was written down is counted', async () => {
    const { text } = await admin.request('/metrics');
    assert.match(text, /apiserver_audit_event_total \d\d/);
    assert.match(text, /apiserver_audit_level_total\{level="Metadata"\} 2/);
  });
});

test('what authentication has to say reaches the audit log and the client', async () => {
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line), close: async () => {} } as unknown as AuditLog;
  const policy = parsePolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] });
  const auditor = new Auditor({ policy, log, clock: new RealClock() }, new AuditMetrics(new MetricRegistry()));
  const noting: Authenticator = {
    authenticate({ headers, notes }) {
      notes?.annotate('authentication.k8s.io/legacy-token', 'somebody');
      notes?.annotate('authentication.k8s.io/legacy-token', 'what is said later under the same key');
      notes?.warn('that token is old');
      if (headers.authorization === undefined) return { kind: 'refused', why: 'no token' };
      return { kind: 'user', user: { name: 'admin', groups: ['system:masters'] } };
    },
  };
  const world = await startTestServer({ auditor, authenticators: [noting] });
  const client = await world.http2();
  const good = await client.request('/api/v1/pods', { headers: { authorization: 'Bearer x' } });
  assert.equal(good.headers['warning'], '299 - "that token is old"');
  assert.equal((await client.request('/api/v1/pods')).status, 401);
  await world.stop();
  const completed = lines
    .map((line) => JSON.parse(line) as JsonObject)
    .filter(({ stage }) => stage === 'ResponseComplete');
  assert.deepEqual(
    completed.map((event) => at(event, 'annotations', 'authentication.k8s.io/legacy-token')),
    ['somebody', 'somebody'],
  );
});

test('source addresses: forwarded ones first, the peer last, nothing that is no address', () => {
  const connection = { remoteAddress: '::ffff:10.0.0.9', certificate: undefined };
  const headers = { 'x-forwarded-for': '1.2.3.4, evil, 5.6.7.8', 'x-real-ip': '9.9.9.9' };
  assert.deepEqual(sourceAddresses({ headers, connection }), ['1.2.3.4', '5.6.7.8', '9.9.9.9', '10.0.0.9']);
  assert.deepEqual(sourceAddresses({ headers: {}, connection }), ['10.0.0.9']);
});
