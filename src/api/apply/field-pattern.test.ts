/** Patterns of fields, on sets as they are written. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { FieldPattern } from './field-pattern.ts';
import { FieldSet } from './field-set.ts';

const set = FieldSet.fromFieldsV1({
  'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
  'f:spec': {
    'f:replicas': {},
    'f:containers': {
      '.': {},
      'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:resources': { '.': {}, 'f:limits': { 'f:cpu': {} } } },
      'k:{"name":"b"}': { 'f:image': {} },
    },
  },
});

test('a pattern keeps what its paths lead to, all below, and the items on the way', () => {
  const kept = new FieldPattern([['spec', 'containers', '*', 'resources']]).of(set);
  const resources = { '.': {}, 'f:limits': { 'f:cpu': {} } };
  deepEqual(kept.toFieldsV1(), {
    'f:spec': { 'f:containers': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:resources': resources } } },
  });
});

test('paths of one pattern add up', () => {
  const kept = new FieldPattern([
    ['spec', 'replicas'],
    ['metadata', 'labels'],
  ]).of(set);
  deepEqual(kept.toFieldsV1(), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
    'f:spec': { 'f:replicas': {} },
  });
});

test('where nothing fits, nothing is kept; where all does, the set itself', () => {
  equal(new FieldPattern([['status']]).of(set).isEmpty, true);
  equal(new FieldPattern([['spec'], ['metadata']]).of(set), set);
});
