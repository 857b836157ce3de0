/** What upstream's storage does to empty lists and absent pointers, and who owns them for it. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeObject, normalizeWithNulls } from '../normalize.ts';
import type { JsonObject } from '../object.ts';
import { messageAtom } from './atom.ts';
import { withStoredNulls } from './stored-nulls.ts';
import { builtinKind, SharedObject } from './testing.ts';

const roleType = builtinKind('rbac.authorization.k8s.io', 'v1', 'ClusterRole');
const ingressType = builtinKind('networking.k8s.io', 'v1', 'Ingress');
const roles = (): SharedObject => new SharedObject({ 'rbac.authorization.k8s.io/v1': roleType });
const metadata = { name: 'web' };

test('of a new object, an empty list that is always there is owned by who wrote it, and by nobody who did not', () => {
  const wrote = roles().update('one', normalizeWithNulls(roleType, { metadata, rules: [] }));
  deepEqual(wrote.owners, { 'one (update)': ['.rules'] });
  const silent = roles().update('one', normalizeWithNulls(roleType, { metadata, aggregationRule: {} }));
  deepEqual(silent.owners, { 'one (update)': ['.aggregationRule'] });
});

test('who sends back what was read takes nothing over', () => {
  const object = roles().update('one', normalizeWithNulls(roleType, { metadata, rules: [] }));
  object.live = { ...object.live, ...normalizeObject(roleType, object.live ?? {}) };
  object.update('two', object.live);
  deepEqual(Object.keys(object.owners), ['one (update)']);
});

test('who applies an empty list that another wrote is in conflict: upstream stores it as null', () => {
  const object = roles().apply('one', { metadata, rules: [] });
  deepEqual(object.owners, { one: ['.rules'] });
  const version = object.entries;
  object.apply('one', { metadata, rules: [] });
  deepEqual(object.entries, version);
  throws(() => object.apply('two', { metadata, rules: [] }), /conflict with "one": \.rules/);
});

test('a pointer that is always there is null within a part of one owner: to leave it out is another value', () => {
  const resource = { kind: 'Bucket', name: 'b' };
  const spec = { defaultBackend: { resource } };
  const object = new SharedObject({ 'networking.k8s.io/v1': ingressType }).apply('one', { metadata, spec });
  throws(() => object.apply('two', { metadata, spec }), /conflict with "one": \.spec\.defaultBackend\.resource/);
  const said = { defaultBackend: { resource: { apiGroup: null, ...resource } } };
  deepEqual(Object.keys(object.apply('two', { metadata, spec: said }).owners).sort(), ['one', 'two']);
});

test('where nothing is null, the object itself comes back', () => {
  const configMap: JsonObject = { metadata: { name: 'a', labels: {} }, data: {} };
  equal(withStoredNulls(messageAtom(builtinKind('', 'v1', 'ConfigMap')), configMap), configMap);
  const pod: JsonObject = { spec: { containers: [] }, status: {} };
  const stored = withStoredNulls(messageAtom(builtinKind('', 'v1', 'Pod')), pod) as JsonObject;
  deepEqual(stored, { spec: { containers: null }, status: {} });
  equal(stored['status'], pod['status']);
});
