/** Server-side apply on real kinds, with managedFields as clients see them. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeObject } from '../normalize.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { StatusError } from '../status-error.ts';
import { applyConfiguration, type TypedObject, trackUpdate } from './apply.ts';
import { builtinKind, entriesOf, frozen, type Options, ownedPaths, SharedObject, withEntries } from './testing.ts';

const deploymentType = builtinKind('apps', 'v1', 'Deployment');
const configMapType = builtinKind('', 'v1', 'ConfigMap');

const deployments = (): SharedObject => new SharedObject({ 'apps/v1': deploymentType });
const configMaps = (): SharedObject => new SharedObject({ v1: configMapType });

const metadata = { name: 'web', namespace: 'default' };
const configMap = (data: JsonObject, more: JsonObject = {}): JsonObject => ({
  metadata: { ...metadata, ...more },
  data,
});

function deployment(replicas: number, image: string): JsonObject {
  return {
    metadata: { ...metadata, labels: { app: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'web', image, ports: [{ containerPort: 80 }], env: [{ name: 'A', value: '1' }] }],
        },
      },
    },
  };
}

const created = (replicas: number, image: string): JsonObject =>
  normalizeObject(deploymentType, deployment(replicas, image));

function refusal(write: () => unknown): StatusError {
  let refused: StatusError | undefined;
  throws(write, (error) => {
    if (error instanceof StatusError) refused = error;
    return refused !== undefined;
  });
  return refused as StatusError;
}

test('a created Deployment has the managedFields that upstream gives it', () => {
  const object = deployments().update('kubectl-create', created(1, 'nginx'));
  equal(
    JSON.stringify(object.entries),
    JSON.stringify([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': {
                'f:containers': {
                  'k:{"name":"web"}': {
                    '.': {},
                    'f:env': { '.': {}, 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                    'f:image': {},
                    'f:name': {},
                    'f:ports': {
                      '.': {},
                      'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                    },
                    'f:resources': {},
                  },
                },
              },
            },
          },
        },
      },
    ]),
  );
});

test('an applied Deployment is owned as it was said, without names and what the server sets', () => {
  const object = deployments().apply('me', { ...deployment(1, 'nginx'), status: { replicas: 1 } });
  deepEqual(object.owners, {
    me: [
      '.metadata.labels.app',
      '.spec.replicas',
      '.spec.selector',
      '.spec.template.metadata.labels.app',
      '.spec.template.spec.containers[name="web"]',
      '.spec.template.spec.containers[name="web"].image',
      '.spec.template.spec.containers[name="web"].name',
      '.spec.template.spec.containers[name="web"].env[name="A"]',
      '.spec.template.spec.containers[name="web"].env[name="A"].name',
      '.spec.template.spec.containers[name="web"].env[name="A"].value',
      '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]',
      '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort',
      '.status.replicas',
    ],
  });
});

test('who applies no metadata but the name any more takes nothing else of it away', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n1' };
  const object = configMaps().apply('me', configMap({ a: '1' }, { ownerReferences: [owner], labels: { a: 'b' } }));
  object.live = frozen({ ...object.live, metadata: { ...(object.live?.['metadata'] as JsonObject), uid: 'u' } });
  object.apply('me', configMap({ a: '1' }));
  deepEqual(object.value['metadata'], { ...metadata, uid: 'u' });
  deepEqual(object.owners, { me: ['.data.a'] });
});

test('sets that make no sense for the type do no harm', () => {
  const object = configMaps().apply('one', configMap({ a: '1' }));
  const fieldsV1 = {
    'f:data': { 'k:{"name":"a"}': { '.': {}, 'f:x': {} }, 'f:a': { 'v:1': {} }, 'i:0': {} },
    'f:kind': { 'f:x': {} },
    'f:nope': { '.': {}, 'f:x': {} },
    'v:"a"': {},
  };
  const entry = { manager: 'odd', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 };
  object.live = frozen(withEntries(object.live as JsonObject, [entry]));
  object.apply('odd', configMap({ b: '1' })).update('two', configMap({ a: '2', b: '1' }));
  deepEqual(object.value['data'], { a: '2', b: '1' });
  deepEqual(object.owners, { odd: ['.data.b'], 'two (update)': ['.data.a'] });
});

test('one conflict is upstream’s 409, byte for byte', () => {
  const object = deployments().update('kubectl-client-side-apply', created(1, 'nginx'));
  const error = refusal(() => object.apply('me', deployment(2, 'nginx')));
  deepEqual(error.toStatus(), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    reason: 'Conflict',
    details: {
      causes: [
        {
          reason: 'FieldManagerConflict',
          message: 'conflict with "kubectl-client-side-apply" using apps/v1',
          field: '.spec.replicas',
        },
      ],
    },
    code: 409,
  });
});

test('several conflicts are grouped by manager; appliers have no version, subresources are named', () => {
  const object = deployments().apply('b-applier', { metadata, spec: { replicas: 1 } });
  object.apply('a-applier', { metadata, spec: { paused: true, minReadySeconds: 1 } });
  object.update(
    'scaler',
    { ...(object.live as JsonObject), spec: { replicas: 1, paused: true, minReadySeconds: 2 } },
    {
      subresource: 'scale',
    },
  );
  const error = refusal(() =>
    object.apply('me', { metadata, spec: { replicas: 9, paused: false, minReadySeconds: 9 } }),
  );
  equal(
    error.message,
    'Apply failed with 3 conflicts: conflicts with "a-applier":\n- .spec.paused\n' +
      'conflicts with "b-applier":\n- .spec.replicas\n' +
      'conflicts with "scaler" with subresource "scale" using apps/v1:\n- .spec.minReadySeconds',
  );
  deepEqual(
    error.details?.causes?.map(({ message }) => message),
    [
      'conflict with "a-applier"',
      'conflict with "b-applier"',
      'conflict with "scaler" with subresource "scale" using apps/v1',
    ],
  );
});

test('an apply that changes nothing gives back the live object itself, times and all', () => {
  const object = deployments().apply('me', deployment(1, 'nginx'), { time: '2026-01-01T00:00:00Z' });
  const before = object.live;
  object.apply('me', deployment(1, 'nginx'), { time: '2026-02-02T00:00:00Z' });
  equal(object.live, before);
});

test('the time moves where the object changes', () => {
  const object = deployments().apply('me', deployment(1, 'nginx'), { time: '2026-01-01T00:00:00Z' });
  object.apply('me', deployment(2, 'nginx'), { time: '2026-02-02T00:00:00Z' });
  deepEqual(
    object.entries.map(({ time }) => time),
    ['2026-02-02T00:00:00Z'],
  );
});

test('who applies what is there already owns it too, since no time', () => {
  const object = configMaps()
    .apply('one', configMap({ a: '1' }))
    .apply('two', configMap({ a: '1' }));
  deepEqual(
    object.entries.map(({ manager, time }) => [manager, time]),
    [
      ['two', undefined],
      ['one', '2026-01-01T00:00:00Z'],
    ],
  );
});

test('an update that changes nothing leaves the entries alone', () => {
  const object = configMaps()
    .apply('one', configMap({ a: '1' }))
    .update('two', configMap({ a: '1', b: '2' }));
  const before = object.entries;
  object.update('three', configMap({ a: '1', b: '2' }), { time: '2026-03-03T00:00:00Z' });
  deepEqual(object.entries, before);
});

test('entries stand in upstream’s order: appliers, then updaters, each by age and name', () => {
  const at = (day: number): Options => ({ time: `2026-01-0${day}T00:00:00Z` });
  const object = configMaps()
    .update('z', configMap({ a: '1' }), at(1))
    .update('y', configMap({ a: '1', b: '1' }), at(1));
  object.update('a', configMap({ a: '1', b: '1', c: '1' }), at(2)).apply('x', configMap({ d: '1' }), at(4));
  object.apply('w', configMap({ e: '1' }), at(3));
  deepEqual(
    object.entries.map(({ manager }) => manager),
    ['w', 'x', 'y', 'z', 'a'],
  );
});

const live = (object: SharedObject, more: JsonObject = {}): TypedObject => ({
  apiVersion: 'v1',
  type: configMapType,
  value: frozen({
    ...(object.live as JsonObject),
    metadata: { ...((object.live as JsonObject)['metadata'] as JsonObject), ...more },
  }),
});
const request = { manager: 'me', subresource: '', time: '2026-05-05T00:00:00Z', inVersion: () => undefined };

test('a client may take entries away, and an empty list or entry ends the tracking', () => {
  const object = configMaps()
    .apply('one', configMap({ a: '1' }))
    .apply('two', configMap({ b: '1' }));
  const stored = live(object, { uid: 'u' });
  const sent = (entries: JsonValue): TypedObject => ({
    ...stored,
    value: { ...stored.value, metadata: { ...(stored.value['metadata'] as JsonObject), managedFields: entries } },
  });
  const [first] = entriesOf(stored.value);
  deepEqual(trackUpdate(stored, sent([first as unknown as JsonObject]), request), [first]);
  deepEqual(trackUpdate(stored, sent([]), request), []);
  deepEqual(trackUpdate(stored, sent([{}]), request), []);
});

test('what a client sends badly, or without knowing, leaves the entries as they were', () => {
  const object = configMaps().apply('one', configMap({ a: '1' }));
  const stored = live(object, { uid: 'u' });
  const [entry] = entriesOf(stored.value) as unknown as [JsonObject];
  const bad: JsonValue[] = [
    null,
    'text',
    [null],
    [{ ...entry, operation: 'Delete' }],
    [{ ...entry, apiVersion: '' }],
    [{ ...entry, fieldsType: 'FieldsV2' }],
    [{ ...entry, fieldsV1: { nonsense: {} } }],
    [{ ...entry, fieldsV1: 'text' }],
    [{ ...entry, fieldsV1: { 'k:{': {} } }],
  ];
  for (const entries of bad) {
    const next = withEntries(stored.value, entries as never);
    deepEqual(trackUpdate(stored, { ...stored, value: next }, request), [entry], JSON.stringify(entries));
  }
});

test('what is sent to a subresource does not count', () => {
  const object = configMaps().apply('one', configMap({ a: '1' }));
  const stored = live(object, { uid: 'u' });
  const next = { ...stored, value: withEntries(stored.value, []) };
  deepEqual(trackUpdate(stored, next, { ...request, subresource: 'status' }), entriesOf(stored.value));
});

test('an object that nobody tracks is left alone until somebody applies to it', () => {
  const untracked = { metadata: { ...metadata, uid: 'u' }, data: { a: '1', b: '1' } };
  const value: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', ...untracked };
  const stored = { apiVersion: 'v1', type: configMapType, value: frozen(value) };
  deepEqual(trackUpdate(stored, { ...stored, value: { ...value, data: { a: '2' } } }, request), []);
  const object = configMaps();
  object.live = stored.value;
  const error = refusal(() => object.apply('me', configMap({ a: '2' })));
  equal(error.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a');
  object.apply('me', configMap({ a: '2' }), { force: true });
  deepEqual(object.owners, { me: ['.data.a'], 'before-first-apply (update)': ['.data', '.data.b'] });
});

test('updaters beyond ten become one, the oldest first', () => {
  const object = configMaps();
  const data: JsonObject = {};
  for (let i = 10; i < 25; i++) {
    data[`key${i}`] = 'x';
    object.update(`manager${i}`, configMap({ ...data }), { time: `2026-01-${i}T00:00:00Z` });
  }
  const managers = object.entries.map(({ manager }) => manager);
  deepEqual(managers, ['ancient-changes', ...[16, 17, 18, 19, 20, 21, 22, 23, 24].map((i) => `manager${i}`)]);
  deepEqual(ownedPaths(object.entries[0] ?? {}), ['.data', ...[10, 11, 12, 13, 14, 15].map((i) => `.data.key${i}`)]);
  equal(object.entries[0]?.time, '2026-01-15T00:00:00Z');
});

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

function clientSideApplied(data: JsonObject): SharedObject {
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', ...configMap(data) };
  const annotations = { [annotation]: `${JSON.stringify(applied)}\n` };
  return configMaps().update('kubectl-client-side-apply', configMap(data, { annotations }));
}

test('kubectl moves from client-side to server-side apply without conflict, and keeps its annotation', () => {
  const object = clientSideApplied({ a: '1', b: '1' }).apply('kubectl', configMap({ a: '2', b: '1' }));
  deepEqual((object.value as { data: object }).data, { a: '2', b: '1' });
  const { annotations } = object.value['metadata'] as unknown as { annotations: Record<string, string> };
  equal(
    annotations[annotation],
    '{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"name":"web","namespace":"default"}}\n',
  );
});

test('others who apply over client-side apply have the conflict', () => {
  ok(refusal(() => clientSideApplied({ a: '1' }).apply('helm', configMap({ a: '2' }))).message.includes('.data.a'));
});

test('kubectl has a conflict where another changed what it applied, and with no readable annotation', () => {
  const changed = clientSideApplied({ a: '1', b: '1' });
  changed.update('other', { ...changed.value, data: { a: '7', b: '1' } });
  equal(
    refusal(() => changed.apply('kubectl', configMap({ a: '2', b: '2' }))).message,
    'Apply failed with 1 conflict: conflict with "other" using v1: .data.a',
  );
  for (const text of ['', 'no json', '[]', '{"apiVersion":"v2"}', '['.repeat(100_000), '{"apiVersion":"v1","x":1}']) {
    const broken = configMaps().update('c', configMap({ a: '1' }, { annotations: { [annotation]: text } }));
    equal(refusal(() => broken.apply('kubectl', configMap({ a: '2' }))).reason, 'Conflict', text.slice(0, 20));
  }
});

test('an annotation that would be too large is not kept', () => {
  const object = clientSideApplied({ a: '1' }).apply('kubectl', configMap({ a: 'x'.repeat(300_000) }));
  deepEqual((object.value['metadata'] as JsonObject)['annotations'], {});
});

test('what is applied must be of the kind, and must not speak of managedFields', () => {
  const typed = (value: JsonObject): TypedObject => ({ apiVersion: 'apps/v1', type: deploymentType, value });
  const said = (value: JsonObject): string => {
    const error = refusal(() => applyConfiguration(undefined, typed(value), { ...request, force: false }));
    equal(error.code, 400);
    return error.message;
  };
  const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
  equal(said({}), 'invalid object type: /, Kind=');
  equal(said({ apiVersion: 'v1', kind: 'Pod' }), 'invalid object type: /v1, Kind=Pod');
  equal(said({ ...head, kind: 'StatefulSet' }), 'invalid object type: apps/v1, Kind=StatefulSet');
  equal(said({ ...head, metadata: { ...metadata, managedFields: [] } }), 'metadata.managedFields must be nil');
  equal(
    said({ ...head, metadata, spec: { replica: 1 } }),
    'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
  );
  equal(
    said({ ...head, metadata: 'text' }),
    'failed to create typed patch object (/; apps/v1, Kind=Deployment): .metadata: expected map, got &{text}',
  );
});

test('keys that objects inherit are data', () => {
  const data = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as JsonObject;
  const object = configMaps().apply('one', configMap(data));
  deepEqual(object.owners, { one: ['.data.__proto__', '.data.constructor', '.data.toString'] });
  deepEqual(Object.keys(object.value['data'] as JsonObject), ['__proto__', 'constructor', 'toString']);
  equal(({} as Record<string, unknown>)['a'], undefined);
  object.apply('one', configMap({ a: '1' }));
  deepEqual(object.value['data'], { a: '1' });
});

test('the size of an object costs in proportion: 8 times the keys, not 64 times the time', () => {
  const big = (size: number): JsonObject =>
    configMap(Object.fromEntries(Array.from({ length: size }, (_, i) => [`key${i}`, 'x'])));
  const cost = (size: number): number => {
    const object = configMaps().apply('one', big(size));
    const started = process.cpuUsage().user;
    object
      .apply('one', big(size - 1))
      .apply('two', big(size - 2))
      .update('three', big(size - 3));
    return process.cpuUsage().user - started;
  };
  cost(500);
  const small = cost(500);
  ok(cost(4000) < 40 * Math.max(small, 20_000));
});

test('who changes what it owns already keeps its tree of fields, the same one, with a new time', () => {
  const fieldsV1 = Object.freeze({ 'f:data': Object.freeze({ '.': Object.freeze({}), 'f:a': Object.freeze({}) }) });
  const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 };
  const managedFields = [{ ...entry, time: '2026-01-01T00:00:00Z' }];
  const value = (data: JsonObject): JsonObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    ...configMap(data, { uid: 'u', managedFields }),
  });
  const typed = (data: JsonObject): TypedObject => ({ apiVersion: 'v1', type: configMapType, value: value(data) });
  const request = {
    manager: 'm',
    subresource: '',
    time: '2026-01-01T00:00:10Z',
    inVersion: (object: TypedObject) => object,
  };
  const [same] = trackUpdate(typed({ a: '1' }), typed({ a: '2' }), request);
  equal(same?.fieldsV1, fieldsV1);
  equal(same?.time, request.time);
  const [other] = trackUpdate(typed({ a: '1' }), typed({ a: '2', b: '1' }), request);
  equal(JSON.stringify(other?.fieldsV1), '{"f:data":{".":{},"f:a":{},"f:b":{}}}');
});
