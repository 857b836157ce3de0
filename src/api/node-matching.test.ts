import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesNode, matchesNodeSelectorTerm, tolerates, untoleratedTaint } from './node-matching.ts';
import type { Node, NodeSelectorTerm, PodSpec, Taint, Toleration } from './schema/types/core-v1.ts';

const node: Node = { metadata: { name: 'n1', labels: { zone: 'a', cpus: '8', empty: '' } } };

test('requirements compare labels and the name of the node', () => {
  const cases: readonly [string, string, readonly string[], boolean][] = [
    ['zone', 'In', ['a', 'b'], true],
    ['zone', 'In', ['b'], false],
    ['absent', 'In', [''], false],
    ['zone', 'NotIn', ['b'], true],
    ['absent', 'NotIn', ['a'], true],
    ['empty', 'Exists', [], true],
    ['absent', 'Exists', [], false],
    ['absent', 'DoesNotExist', [], true],
    ['cpus', 'Gt', ['7'], true],
    ['cpus', 'Gt', ['8'], false],
    ['cpus', 'Lt', ['9'], true],
    ['zone', 'Gt', ['1'], false],
    ['cpus', 'Gt', ['many'], false],
    ['zone', 'Nonsense', ['a'], false],
  ];
  for (const [key, operator, values, expected] of cases) {
    const term = { matchExpressions: [{ key, operator, values }] } as NodeSelectorTerm;
    assert.equal(matchesNodeSelectorTerm(term, node), expected, `${key} ${operator} ${values.join()}`);
  }
  const byName = (name: string): NodeSelectorTerm => ({
    matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }],
  });
  assert.deepEqual(
    [matchesNodeSelectorTerm(byName('n1'), node), matchesNodeSelectorTerm(byName('n2'), node)],
    [true, false],
  );
  assert.equal(matchesNodeSelectorTerm({}, node), false, 'an empty term matches nothing');
});

test('the selector and one term of the required affinity must hold', () => {
  const required = (...zones: string[]): PodSpec => ({
    containers: [],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: zones.map((zone) => ({
            matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }],
          })),
        },
      },
    },
  });
  assert.equal(matchesNode({ containers: [] }, node), true);
  assert.equal(matchesNode(required('b', 'a'), node), true);
  assert.equal(matchesNode(required('b', 'c'), node), false);
  assert.equal(matchesNode({ ...required('a'), nodeSelector: { cpus: '4' } }, node), false);
});

test('a toleration names the key, the value and the effect, or leaves them open', () => {
  const taint: Taint = { key: 'only', value: 'gpu', effect: 'NoSchedule' };
  const cases: readonly [Toleration, boolean][] = [
    [{ operator: 'Exists' }, true],
    [{ key: 'only', operator: 'Exists' }, true],
    [{ key: 'only', value: 'gpu' }, true],
    [{ key: 'only', value: 'cpu' }, false],
    [{ key: 'only', operator: '' as 'Equal', value: 'gpu' }, true],
    [{ key: 'other', operator: 'Exists' }, false],
    [{ key: 'only', operator: 'Exists', effect: 'NoExecute' }, false],
    [{ value: 'gpu' }, false],
  ];
  for (const [toleration, expected] of cases) {
    assert.equal(tolerates(toleration, taint), expected, JSON.stringify(toleration));
  }
  assert.equal(untoleratedTaint([taint], [], ['NoSchedule']), taint);
  assert.equal(untoleratedTaint([taint], [], ['NoExecute']), undefined, 'only effects that are asked for');
  assert.equal(untoleratedTaint([taint], [{ operator: 'Exists' }], ['NoSchedule']), undefined);
});
