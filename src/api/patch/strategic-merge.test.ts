import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject, JsonValue } from '../object.ts';
import { builtinSchema } from '../schema/load.ts';
import type { MessageType } from '../schema/schema.ts';
import { hasReason } from '../status-error.ts';
import { applyStrategicMergePatch } from './strategic-merge.ts';

/** What kubectl's own strategic merge makes of the same patches (`kubectl patch --local`). */
interface Golden {
  readonly document: JsonObject;
  readonly cases: readonly { readonly patch: JsonObject; readonly result?: JsonObject; readonly error?: string }[];
}

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'strategic-merge.golden.json'), 'utf8')) as Golden;

function kind(group: string, version: string, name: string): MessageType {
  const type = builtinSchema().kind({ group, version, kind: name });
  assert.ok(type, `${name} is a built-in kind`);
  return type;
}

function frozen<T extends JsonValue>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach((child) => void frozen(child));
  return Object.freeze(value);
}

const deployment = kind('apps', 'v1', 'Deployment');

for (const { patch, result, error } of golden.cases) {
  test(`merges as kubectl does: ${JSON.stringify(patch)}`, () => {
    const apply = (): JsonObject => applyStrategicMergePatch(frozen(golden.document), frozen(patch), deployment);
    if (result !== undefined) assert.deepEqual(apply(), result);
    else
      assert.throws(
        apply,
        (thrown: Error) => hasReason(thrown, 'BadRequest') && thrown.message.trim() === error?.trim(),
      );
  });
}

test('leaves both arguments alone', () => {
  const before = structuredClone(golden);
  for (const { patch, error } of golden.cases) {
    if (error === undefined) applyStrategicMergePatch(golden.document, patch, deployment);
  }
  assert.deepEqual(golden, before);
});

test('shares what did not change with the document', () => {
  const result = applyStrategicMergePatch(golden.document, { metadata: { labels: { c: '3' } } }, deployment);
  assert.equal(result.spec, golden.document.spec);
});

test('merges into the first of two elements with the same key and deletes both', () => {
  const document = { spec: { ports: [{ port: 1, name: 'x' }, { port: 1, name: 'y' }, { port: 2 }] } };
  const service = kind('', 'v1', 'Service');
  assert.deepEqual(applyStrategicMergePatch(document, { spec: { ports: [{ port: 1, name: 'z' }] } }, service), {
    spec: { ports: [{ port: 1, name: 'z' }, { port: 1, name: 'y' }, { port: 2 }] },
  });
  assert.deepEqual(applyStrategicMergePatch(document, { spec: { ports: [{ port: 1, $patch: 'delete' }] } }, service), {
    spec: { ports: [{ port: 2 }] },
  });
});

test('merges free-form fields as a merge patch does', () => {
  const revision = kind('apps', 'v1', 'ControllerRevision');
  const document = { data: { spec: { a: { b: 1, c: 2 }, list: [1, 2] } } };
  assert.deepEqual(
    applyStrategicMergePatch(document, { data: { spec: { a: { b: null, d: 3 }, list: [3] } } }, revision),
    {
      data: { spec: { a: { c: 2, d: 3 }, list: [3] } },
    },
  );
});

test('treats __proto__ as a key like any other', () => {
  const patch = JSON.parse('{"metadata":{"labels":{"__proto__":{"polluted":"yes"}}}}') as JsonObject;
  const result = applyStrategicMergePatch({ metadata: { labels: { a: '1' } } }, patch, deployment);
  assert.equal(JSON.stringify(result), '{"metadata":{"labels":{"a":"1","__proto__":{"polluted":"yes"}}}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('refuses a patch that is no object', () => {
  assert.throws(() => applyStrategicMergePatch({}, [], deployment), {
    code: 400,
    message: 'json: cannot unmarshal array into Go value of type map[string]interface {}',
  });
});
