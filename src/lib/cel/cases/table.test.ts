import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celEnvironment } from '../environment.ts';
import { typeNameOf } from '../equality.ts';
import { celValue } from '../json-values.ts';
import { doubleText } from '../standard/conversions.ts';
import { durationText, timestampText } from '../times.ts';
import { nameOfType } from '../type-names.ts';
import { type CelField, type CelType, celTypes } from '../types.ts';
import { CelDuration, CelMap, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue } from '../values.ts';
import { arithmetic } from './arithmetic.ts';
import { containers } from './containers.ts';
import { objects } from './objects.ts';
import type { Row } from './row.ts';
import { texts } from './texts.ts';
import { times } from './times.ts';
import { typing } from './typing.ts';
import { values } from './values.ts';

const { int, string, double, timestamp, duration, bytes, list, map } = celTypes;
const port = celTypes.object('Port', { port: int, name: string });
const fields: Readonly<Record<string, CelType>> = {
  replicas: int,
  minReplicas: int,
  maxReplicas: int,
  name: string,
  nothing: string,
  nullable: celTypes.opaque('nullable'),
  list: list(string),
  nums: list(int),
  ports: list(port),
  labels: map(string, string),
  ratio: double,
  whole: double,
  created: timestamp,
  ttl: duration,
  data: bytes,
  set: { kind: 'list', element: string, listType: 'set' },
  keyed: { kind: 'list', element: port, listType: 'map', mapKeys: ['name'] },
};
const self: CelType = {
  kind: 'object',
  name: 'Self',
  fields: new Map<string, CelField>([
    ...Object.entries(fields).map(([name, type]) => [name, { type }] as const),
    ['dotted__dot__name', { type: string, jsonName: 'dotted.name' }],
  ]),
};
const ports = [
  { port: 80, name: 'http' },
  { port: 443, name: 'https' },
];
const selfJson = {
  replicas: 3,
  minReplicas: 1,
  maxReplicas: 5,
  name: 'web-0',
  nullable: null,
  list: ['a', 'b'],
  nums: [3, 1, 2],
  ports,
  labels: { 'app.io/name': 'v' },
  ratio: 0.5,
  whole: 2,
  created: '2024-01-01T00:00:00Z',
  ttl: '1h30m',
  data: 'YWJj',
  set: ['a', 'b'],
  keyed: ports,
  'dotted.name': 'dots',
};
const anyJson = { n: 5, d: 2.5, list: [1, 'two', { deep: 'x' }], nil: null };
const types = new Map<string, CelType>([
  ['Self', self],
  ['Port', port],
]);
const environment = celEnvironment({
  variables: { self, any: celTypes.dyn },
  types: (name) => types.get(name),
});

function outcomeOf(expression: string, wanted: string): string {
  const compiled = environment.compile(expression);
  if (compiled.kind === 'error') return `issue: ${compiled.error.message}`;
  if (wanted.startsWith(': ')) return `: ${nameOfType(compiled.program.type)}`;
  const result = compiled.program.evaluate({ self: celValue(self, selfJson), any: celValue(celTypes.dyn, anyJson) });
  if (result.kind === 'value') return shown(result.value);
  const message = `error: ${result.message}`;
  return wanted.startsWith('error: ') && message.startsWith(wanted) ? wanted : message;
}

function shown(value: CelValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e20 ? `${BigInt(value)}.0` : shownDouble(value);
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(shown).join(', ')}]`;
  return shownObject(value);
}

const shownDouble = (value: number): string => (Math.abs(value) < 1e6 ? String(value) : doubleText(value));

function shownObject(value: CelValue & object): string {
  if (value instanceof CelUint) return `${value.value}u`;
  if (value instanceof Uint8Array) return `b"${Buffer.from(value).toString('hex')}"`;
  if (value instanceof CelMap)
    return `{${Array.from(value.keys(), (key) => `${shown(key)}: ${shown(value.get(key) ?? null)}`).join(', ')}}`;
  if (value instanceof CelTimestamp) return `timestamp(${timestampText(value)})`;
  if (value instanceof CelDuration) return `duration(${durationText(value)})`;
  if (value instanceof CelOptional)
    return value.value === undefined ? 'optional.none' : `optional(${shown(value.value)})`;
  return value instanceof CelTypeValue ? `type(${value.typeName})` : typeNameOf(value);
}

const tables: Readonly<Record<string, readonly Row[]>> = {
  'literals, conversions and types': values,
  'numbers, comparisons and logic': arithmetic,
  'texts and bytes': texts,
  'lists, maps, macros and optional values': containers,
  'times and durations': times,
  'types and faults that are known beforehand': typing,
  'objects of declared types': objects,
};

for (const [name, rows] of Object.entries(tables)) {
  test(`${name} come out as the language says (${rows.length} expressions)`, () => {
    const differing = rows.flatMap(([expression, wanted]) => {
      const found = outcomeOf(expression, wanted);
      return found === wanted ? [] : [`${expression}\n  wanted ${wanted}\n  found  ${found}`];
    });
    assert.deepEqual(differing, []);
  });
}

test('the tables hold three hundred expressions and more, each once', () => {
  const expressions = Object.values(tables).flatMap((rows) =>
    rows.map(([expression, wanted]) => `${expression} ${wanted}`),
  );
  assert.ok(expressions.length >= 300, `${expressions.length}`);
  assert.equal(new Set(expressions).size, expressions.length);
});
