import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { RealClock, VirtualClock } from '../lib/clock.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { type Http2Client, startTestServer, type TestServer } from './testing.ts';

const pods = '/api/v1/namespaces/default/pods';

describe('the request pipeline', () => {
  const metrics = new MetricRegistry();
  // TLS asks the real clock whether a certificate holds.
  const clock = new VirtualClock(new RealClock().now());
  let world: TestServer;
  let admin: Http2Client;

  before(async () => {
    world = await startTestServer({ metrics, clock });
    admin = await world.http2('admin');
    world.registry.add('pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' } });
  });
  beforeEach(() => {
    world.registry.gate = Promise.resolve();
  });
  after(() => world.stop());

  const counted = async (pattern: RegExp): Promise<string> =>
    pattern.exec((await admin.request('/metrics')).text)?.[0] ?? '';

  test('counts each request under upstream’s labels', async () => {
    await admin.request(`${pods}/web`);
    await admin.request(`${pods}/none`);
    await admin.request('/api/v1/pods');
    await admin.request(`${pods}/web?dryRun=All&fieldManager=m`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: 'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n',
    });
    const line = (verb: string, dryRun: string, scope: string, code: number): RegExp =>
      new RegExp(
        `apiserver_request_total\\{verb="${verb}",dry_run="${dryRun}",group="",version="v1",resource="pods",subresource="",scope="${scope}",component="apiserver",code="${code}"\\} \\d+`,
      );
    assert.match(await counted(line('GET', '', 'resource', 200)), / 1$/);
    assert.match(await counted(line('GET', '', 'resource', 404)), / 1$/);
    assert.match(await counted(line('LIST', '', 'cluster', 200)), / 1$/);
    assert.match(await counted(line('APPLY', 'All', 'resource', 200)), / 1$/);
    assert.match(
      await counted(
        /apiserver_request_duration_seconds_count\{verb="GET",dry_run="",group="",version="v1",resource="pods".*/,
      ),
      / 2$/,
    );
    assert.match(await counted(/apiserver_current_inflight_requests\{request_kind="readOnly"\} \d+/), / 1$/);
    assert.match(await counted(/process_cpu_user_seconds_total \d/), /\d/);
    assert.match(await counted(/kubernetes_build_info\{.*major="1",minor="36".*\} \d/), / 1$/);
  });

  test('no text of a client becomes a label', async () => {
    await admin.request('/apis/apps/v1/secret-name-a/x');
    await admin.request('/secret-name-b');
    await admin.request(`${pods}/web/secret-name-c`);
    await admin.request(`${pods}/web`, { method: 'SECRET-D' });
    assert.doesNotMatch((await admin.request('/metrics')).text, /secret-/i);
  });

  test('counts watches while they last', async () => {
    const watch = admin.session.request({ ':path': `${pods}?watch=true` });
    watch.resume();
    await new Promise((resolve) => watch.once('response', resolve));
    const gauge = /apiserver_longrunning_requests\{verb="WATCH".*resource="pods".*\} \d/;
    assert.match(await counted(gauge), / 1$/);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } };
    world.registry.sinks.at(-1)?.event({ type: 'ADDED', object: pod });
    assert.match(await counted(/apiserver_watch_events_total\{.*resource="pods"\} \d/), / 1$/);
    watch.close();
    await new Promise((resolve) => watch.once('close', resolve));
    for (let round = 0; round < 50 && !(await counted(gauge)).endsWith(' 0'); round++);
    assert.match(await counted(gauge), / 0$/);
    assert.match(await counted(/apiserver_request_total\{verb="WATCH".*code="200"\} \d/), / 1$/);
  });

  test('warns of deprecated APIs, beside the registry’s own warnings', async () => {
    const plain = await admin.request('/api/v1/namespaces/default/endpoints');
    assert.equal(
      plain.headers['warning'],
      '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
    );
    world.registry.warnings = ['mind the gap'];
    const both = await admin.request('/api/v1/namespaces/default/endpoints', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web' } }),
    });
    world.registry.warnings = [];
    assert.match(both.headers['warning'] ?? '', /deprecated in v1\.33\+.*299 - "mind the gap"/);
    assert.equal((await admin.request(`${pods}/web`)).headers['warning'], undefined);
    assert.match(await counted(/apiserver_requested_deprecated_apis\{.*resource="endpoints".*\} \d/), / 1$/);
  });

  test('says what is not there in the form that upstream has for it', async () => {
    const text = async (path: string): Promise<string> => {
      const { status, text: body } = await admin.request(path);
      return `${status} ${body.startsWith('{') ? (JSON.parse(body) as { message: string }).message : body}`;
    };
    assert.equal(await text('/apis/example.com/v1/widgets'), '404 404 page not found\n');
    assert.equal(await text('/apis/example.com'), '404 404 page not found\n');
    assert.equal(await text('/nothing'), '404 404 page not found\n');
    const noResource = '404 the server could not find the requested resource';
    for (const path of [
      '/apis/apps/v1/widgets',
      '/apis/apps/v9',
      '/apis/apps/v9/widgets',
      '/api/v2',
      '/api/v1/widgets',
    ])
      assert.equal(await text(path), noResource, path);
  });

  test('lists its paths, and tells its version, indented as upstream', async () => {
    const index = await admin.request('/');
    const { paths } = index.json() as unknown as { paths: string[] };
    for (const path of ['/api', '/api/v1', '/apis/apps', '/apis/apps/v1', '/livez/ping', '/metrics', '/openapi/v3'])
      assert.ok(paths.includes(path), path);
    assert.deepEqual(paths, [...paths].sort());
    assert.match(index.text, /^\{\n {2}"paths": \[\n {4}"\/\.well-known\/openid-configuration",\n[\s\S]*\]\n\}$/);
    const version = await admin.request('/version');
    assert.match(version.text, /^\{\n {2}"major": "1",\n {2}"minor": "36",\n[\s\S]*"\n\}$/);
  });

  test('health checks are told at /metrics/slis', async () => {
    await admin.request('/readyz');
    const { text } = await admin.request('/metrics/slis');
    assert.match(text, /kubernetes_healthcheck\{name="ping",type="readyz"\} 1\n/);
    assert.match(text, /kubernetes_healthchecks_total\{name="shutdown",type="readyz",status="success"\} 1\n/);
  });

  test('gives a request up after the time that its client allows, and writes nothing when it comes back', async () => {
    let open!: () => void;
    world.registry.gate = new Promise((resolve) => {
      open = resolve;
    });
    const calls = world.registry.calls.length;
    const late = admin.request(`${pods}/web?timeout=2s`);
    while (world.registry.calls.length === calls) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2_000);
    const answer = await late;
    assert.equal(answer.status, 504);
    assert.equal(answer.json()['message'], 'Timeout: request did not complete within the allotted timeout');
    open();
    assert.equal((await admin.request(`${pods}/web`)).status, 200);
    assert.match(await counted(/apiserver_request_terminations_total\{verb="GET".*code="504"\} \d/), / 1$/);
    const bad = await admin.request(`${pods}/web?timeout=soon`);
    assert.equal(bad.status, 400);
  });
});
