import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';
import { ruleOf } from './policy-text.ts';
import { askedOf, compacted, partsIn, ruleAllows, ruleText, uncovered } from './rules.ts';
import { question, user } from './testing.ts';

const allows = (rule: string, asked: string, name = ''): boolean =>
  ruleAllows(ruleOf(rule), askedOf(question(user('ann'), asked, 'd', name)));

const table: readonly (readonly [rule: string, allowed: string, refused: string])[] = [
  ['get,list core pods', 'list pods', 'watch pods'],
  ['get core pods', 'get pods', 'get pods.apps'],
  ['get core pods', 'get pods', 'get pods/log'],
  ['get core pods/log', 'get pods/log', 'get pods'],
  ['* core pods', 'anything pods', 'anything nodes'],
  ['get * pods', 'get pods.metrics.k8s.io', 'get nodes.metrics.k8s.io'],
  ['get apps *', 'get deployments/scale.apps', 'get jobs.batch'],
  ['get * */scale', 'get deployments/scale.apps', 'get deployments.apps'],
  ['get * */scale', 'get gadgets/scale.x.example', 'get gadgets/upscale.x.example'],
  ['get /healthz,/livez/*', 'get /livez/etcd', 'get /livez'],
  ['get /healthz,/livez/*', 'get /healthz', 'get /healthz/etcd'],
  ['* url:*', 'post /anything', 'get pods'],
  ['* * *', 'get pods', 'get /healthz'],
];

test('a rule allows what its verbs, groups and resources, or its URLs, say', () => {
  for (const [rule, allowed, refused] of table) {
    assert.equal(allows(rule, allowed), true, `${rule}: ${allowed}`);
    assert.equal(allows(rule, refused), false, `${rule}: ${refused}`);
  }
});

test('a rule with names is for these objects only, never for all of them', () => {
  assert.equal(allows('get core configmaps cm', 'get configmaps', 'cm'), true);
  assert.equal(allows('get core configmaps cm', 'get configmaps', 'other'), false);
  assert.equal(allows('list core configmaps cm', 'list configmaps'), false);
});

const rest = (held: readonly string[], wanted: readonly string[]): string[] =>
  compacted(uncovered(held.map(ruleOf), wanted.map(ruleOf))).map(ruleText);

test('what is held covers a grant part by part, and what is left is named in the fewest words', () => {
  assert.deepEqual(rest(['get core pods', 'list,watch core pods,nodes'], ['read core pods']), []);
  assert.deepEqual(rest(['get core pods'], ['read core pods,nodes']), [
    '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
    '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list" "watch"]}',
  ]);
  assert.deepEqual(rest(['get core configmaps a'], ['get core configmaps a,b', 'get core configmaps']), [
    '{APIGroups:[""], Resources:["configmaps"], ResourceNames:["b"], Verbs:["get"]}',
    '{APIGroups:[""], Resources:["configmaps"], Verbs:["get"]}',
  ]);
  assert.deepEqual(rest(['get * */scale'], ['get apps deployments/scale']), []);
  assert.deepEqual(rest(['get apps *'], ['get apps *', 'get * *']), [
    '{APIGroups:["*"], Resources:["*"], Verbs:["get"]}',
  ]);
  assert.deepEqual(rest(['get /a/*'], ['get /a/b,/a/*,/b']), ['{NonResourceURLs:["/b"], Verbs:["get"]}']);
  assert.deepEqual(rest(['* * *', '* url:*'], ['* * *', '* url:*', 'get core pods p']), []);
});

test('rules without lists, as a client may send them, allow nothing', () => {
  const bare: PolicyRule = { verbs: ['*'] };
  assert.equal(ruleAllows(bare, askedOf(question(user('ann'), 'get pods'))), false);
  assert.equal(ruleAllows(bare, askedOf(question(user('ann'), 'get /x'))), false);
  assert.deepEqual(uncovered([], [bare]), []);
});

test('the parts of a rule are counted without being made', () => {
  assert.equal(partsIn(ruleOf('get,list core,apps pods,pods/log')), 8);
  assert.equal(partsIn(ruleOf('get,list core pods a,b,c')), 6);
  assert.equal(partsIn(ruleOf('get,head /a,/b,/c')), 6);
});
