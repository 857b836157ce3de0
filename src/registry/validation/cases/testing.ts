/**
 * What upstream accepts and refuses, as rows: `cases/*.test.ts` hold one table a family of kinds, and this file runs them, each
 * through the whole way of a write (decoding, defaults, admission, validation), as a dry run.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { JsonObject, JsonValue, KubeObject } from '../../../api/object.ts';
import { type FieldError, StatusError } from '../../../api/status-error.ts';
import { startRegistry, type TestRegistry } from '../../testing.ts';

/** A path into an object (`spec.containers[0].image`; `metadata.labels[a.b/c]` for a key) and what stands there; undefined takes it away. */
export type Changes = Readonly<Record<string, JsonValue | undefined>>;

/** `spec.containers[0].image: Required value`; a text ending in `…` need only begin so. */
export type ExpectedError = string;

export interface ValidationCase {
  /** `refuses a container without an image`. */
  readonly name: string;
  /** Over the family's valid object. Where `update` is there, it is made of the changed object, which must be valid. */
  readonly changes?: Changes;
  /** Over the stored object: the row is about this update. */
  readonly update?: Changes;
  readonly subresource?: string;
  /** All of them, in order. Absent or empty: accepted. */
  readonly errors?: readonly ExpectedError[];
}

export interface CaseTable {
  /** `deployments.apps`. */
  readonly resource: string;
  /** Valid as it is. */
  readonly valid: object;
  /** Of what is there from the start, what would get in the rows' way: a resource and a name. */
  readonly without?: Readonly<Record<string, string>>;
  readonly cases: readonly ValidationCase[];
}

export function testCases(tables: readonly CaseTable[]): void {
  for (const table of tables) {
    void describe(table.resource, () => {
      let cluster: TestRegistry;
      before(async () => {
        cluster = await startRegistry();
        for (const [resource, name] of Object.entries(table.without ?? {})) await cluster.delete(resource, name);
      });
      void test('the object that the rows change is valid', async () =>
        assert.deepEqual(await faults(cluster, table, {}), []));
      for (const each of table.cases) {
        void test(each.name, async () => matchErrors(await faults(cluster, table, each), each.errors ?? []));
      }
    });
  }
}

async function faults(cluster: TestRegistry, table: CaseTable, each: Omit<ValidationCase, 'name'>): Promise<string[]> {
  const { resource } = table;
  const object = changed(table.valid as JsonObject, each.changes ?? {});
  if (each.update === undefined) return errorsOf(() => cluster.create(resource, object, { dryRun: true }));
  const stored = (await cluster.create(resource, object)) as unknown as KubeObject;
  const { name = '', namespace } = stored.metadata ?? {};
  const place = { name, ...(namespace && { namespace }) };
  try {
    const wanted = changed(structuredClone(stored) as unknown as JsonObject, each.update);
    const options = { ...place, dryRun: true, ...(each.subresource && { subresource: each.subresource }) };
    return await errorsOf(() => cluster.update(resource, wanted, options));
  } finally {
    // What protects it is nobody's to take away here.
    const unprotected = { metadata: { finalizers: null } };
    if (stored.metadata?.finalizers) await cluster.patch(resource, name, unprotected, { ...place, type: 'merge' });
    await cluster.registry.delete(cluster.target(resource, place), {
      gracePeriodSeconds: 0,
      propagationPolicy: 'Background',
    });
    // A definition waits for its objects to go, and nobody looks for them here.
    const isLeft = (await cluster.names(resource, namespace ? { namespace } : {})).includes(name);
    if (isLeft) await cluster.patch(resource, name, unprotected, { ...place, type: 'merge' });
  }
}

/** The broken rules; anything but Invalid is no answer of validation, and fails the test. */
async function errorsOf(work: () => Promise<unknown>): Promise<string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'Invalid') throw error;
    return (error.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
  }
}

/** What one validator says of an object, or of a change, that does not come through the API just so. */
export interface RuleRow {
  readonly name: string;
  readonly found: readonly FieldError[];
  readonly errors?: readonly ExpectedError[];
}

export function testRules(title: string, rows: readonly RuleRow[]): void {
  void describe(title, () => {
    for (const { name, found, errors = [] } of rows) {
      const texts = found.map(({ field, message }) => `${field}: ${message}`);
      void test(name, () => matchErrors(texts, errors));
    }
  });
}

function matchErrors(found: readonly string[], expected: readonly ExpectedError[]): void {
  const seen = found.map((text, index) => {
    const wanted = expected[index] ?? '';
    return wanted.endsWith('…') && text.startsWith(wanted.slice(0, -1)) ? wanted : text;
  });
  assert.deepEqual(seen, expected);
}

function changed(object: JsonObject, changes: Changes): JsonObject {
  const result = structuredClone(object) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) put(result, stepsOf(path), value);
  return result as JsonObject;
}

function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, key, name]) => {
    if (key === undefined) return name as string;
    return /^\d+$/.test(key) ? Number(key) : key;
  });
}

function put(object: Record<string | number, unknown>, [step, ...rest]: (string | number)[], value: unknown): void {
  if (step === undefined) return;
  if (rest.length === 0) {
    if (value === undefined) delete object[step];
    else object[step] = structuredClone(value);
    return;
  }
  object[step] ??= typeof rest[0] === 'number' ? [] : {};
  put(object[step] as Record<string | number, unknown>, rest, value);
}
