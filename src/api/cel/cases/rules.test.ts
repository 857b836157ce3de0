/**
 * Rules over custom objects, each of which holds: with what an evaluation costs, and what it is estimated to cost at most, as far as they are
 * known of Kubernetes. The rows are in `rules.json`: schema, object, and `[rule, cost, estimate]`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { celEnvironment } from '../../../lib/cel/environment.ts';
import { celValue } from '../../../lib/cel/json-values.ts';
import type { JSONSchemaProps } from '../../schema/types/apiextensions-v1.ts';
import { structuralOf } from '../../structural/structural-of.ts';
import { kubernetesLibraries } from '../libraries/index.ts';
import { structuralType } from '../structural-types.ts';

interface Case {
  readonly name: string;
  readonly schema: JSONSchemaProps;
  readonly object: unknown;
  readonly rules: readonly (readonly [rule: string, cost?: number, estimate?: number])[];
}

const cases = JSON.parse(readFileSync(new URL('rules.json', import.meta.url), 'utf8')) as readonly Case[];

function faults({ schema, object, rules }: Case): readonly string[] {
  const type = structuralType(structuralOf(schema), false) ?? assert.fail('it has no type');
  const environment = celEnvironment({ variables: { self: type, oldSelf: type }, libraries: kubernetesLibraries });
  const self = celValue(type, object);
  return rules.flatMap(([rule, cost, estimate]) => {
    const compiled = environment.compile(rule);
    if (compiled.kind === 'error') return [`${rule}: ${compiled.error.text}`];
    const result = compiled.program.evaluate({ self, oldSelf: self });
    if (result.kind === 'error') return [`${rule}: ${result.message}`];
    const { max } = compiled.program.cost();
    return [
      ...(result.value === true ? [] : [`${rule} does not hold`]),
      ...(cost === undefined || cost === result.cost ? [] : [`${rule} costs ${result.cost}, not ${cost}`]),
      ...(estimate === undefined || estimate === max ? [] : [`${rule} is estimated at ${max}, not ${estimate}`]),
    ];
  });
}

for (const each of cases) {
  test(`rules hold and cost what Kubernetes counts: ${each.name} (${each.rules.length})`, () => {
    assert.deepEqual(faults(each), []);
  });
}
