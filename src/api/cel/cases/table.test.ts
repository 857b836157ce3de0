import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from '../../../lib/cel/cases/row.ts';
import { celEnvironment } from '../../../lib/cel/environment.ts';
import { typeNameOf } from '../../../lib/cel/equality.ts';
import { durationText } from '../../../lib/cel/times.ts';
import { nameOfType } from '../../../lib/cel/type-names.ts';
import { CelDuration, CelMap, CelOpaque, CelOptional, CelUint, type CelValue } from '../../../lib/cel/values.ts';
import { kubernetesLibraries } from '../libraries/index.ts';
import { jsonPatchLibrary } from '../libraries/json-patch.ts';
import { amounts } from './amounts.ts';
import { formats } from './formats.ts';
import { lists } from './lists.ts';
import { networks } from './networks.ts';
import { urls } from './urls.ts';

const environment = celEnvironment({ variables: {}, libraries: [...kubernetesLibraries, jsonPatchLibrary] });

function outcomeOf(expression: string, wanted: string): string {
  const compiled = environment.compile(expression);
  if (compiled.kind === 'error') return `issue: ${compiled.error.message}`;
  if (wanted.startsWith(': ')) return `: ${nameOfType(compiled.program.type)}`;
  const result = compiled.program.evaluate({});
  if (result.kind === 'value') return shown(result.value);
  const message = `error: ${result.message}`;
  return wanted.startsWith('error: ') && message.startsWith(wanted) ? wanted : message;
}

function shown(value: CelValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : String(value);
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(shown).join(', ')}]`;
  if (value instanceof CelUint) return `${value.value}u`;
  if (value instanceof CelDuration) return `duration(${durationText(value)})`;
  if (value instanceof CelOptional)
    return value.value === undefined ? 'optional.none' : `optional(${shown(value.value)})`;
  if (value instanceof CelOpaque) return value.typeName;
  if (value === null || typeof value !== 'object') return String(value);
  if (!(value instanceof CelMap)) return typeNameOf(value);
  return `{${Array.from(value.keys(), (key) => `${shown(key)}: ${shown(value.get(key) ?? null)}`).join(', ')}}`;
}

const tables: Readonly<Record<string, readonly Row[]>> = {
  'lists and regular expressions': lists,
  'addresses and networks': networks,
  URLs: urls,
  'quantities and versions': amounts,
  'named formats': formats,
};

for (const [name, rows] of Object.entries(tables)) {
  test(`${name} come out as Kubernetes says (${rows.length} expressions)`, () => {
    const differing = rows.flatMap(([expression, wanted]) => {
      const found = outcomeOf(expression, wanted);
      return found === wanted ? [] : [`${expression}\n  wanted ${wanted}\n  found  ${found}`];
    });
    assert.deepEqual(differing, []);
  });
}

test('each row asks something else', () => {
  const expressions = Object.values(tables).flatMap((rows) =>
    rows.map(([expression, wanted]) => `${expression} ${wanted.slice(0, 2)}`),
  );
  assert.equal(new Set(expressions).size, expressions.length);
});
