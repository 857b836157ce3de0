import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { UserInfo } from '../../registry/request.ts';
import { resourceNamed } from '../../registry/testing.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { PolicyParamGuard } from './policy-param-guard.ts';

const group = 'admissionregistration.k8s.io';
const ann: UserInfo = { name: 'ann', groups: ['team', 'system:authenticated'] };
const configMaps = { apiVersion: 'v1', kind: 'ConfigMap' };

interface Case {
  readonly name: string;
  readonly resource?: string;
  readonly user?: UserInfo;
  readonly spec: object;
  readonly old?: object;
  /** The paramKind of the policy that is stored. */
  readonly stored?: object;
  /** `get group/version/resource namespace/name`; absent: nothing is asked. */
  readonly asked?: string;
  readonly refused?: string;
}

const all = 'get /v1/configmaps */*';
const policy = 'validatingadmissionpolicies';
const binding = 'validatingadmissionpolicybindings';
const paramRef = { name: 'limit', namespace: 'team' };

const cases: readonly Case[] = [
  { name: 'a policy without parameters', spec: {} },
  { name: 'a policy of a built-in kind', spec: { paramKind: configMaps }, asked: all },
  { name: 'a mutating policy', resource: 'mutatingadmissionpolicies', spec: { paramKind: configMaps }, asked: all },
  {
    name: 'one who may do anything',
    user: { name: 'root', groups: ['system:masters'] },
    spec: { paramKind: configMaps },
  },
  { name: 'the same kind as before', spec: { paramKind: configMaps }, old: { paramKind: configMaps } },
  {
    name: 'another kind than before',
    spec: { paramKind: configMaps },
    old: { paramKind: { apiVersion: 'v1', kind: 'Secret' } },
    asked: all,
  },
  {
    name: 'a kind that nobody serves',
    spec: { paramKind: { apiVersion: 'rules.example.com/v1', kind: 'Limit' } },
    asked: 'get rules.example.com/v1/* */*',
  },
  {
    name: 'a policy, refused',
    spec: { paramKind: configMaps },
    asked: all,
    refused:
      'ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: spec.paramKind: Forbidden: user &{ann  [team system:authenticated] map[]} must have "get" permission on all objects of the referenced paramKind (kind=ConfigMap, apiVersion=v1)',
  },
  { name: 'a binding without parameters', resource: binding, spec: { policyName: 'p' }, stored: configMaps },
  {
    name: 'a binding',
    resource: binding,
    spec: { policyName: 'stored', paramRef },
    stored: configMaps,
    asked: 'get /v1/configmaps team/limit',
  },
  {
    name: 'a binding by selector',
    resource: binding,
    spec: { policyName: 'stored', paramRef: { selector: {} } },
    stored: configMaps,
    asked: 'get /v1/configmaps /',
  },
  {
    name: 'a binding to a policy that is not there',
    resource: binding,
    spec: { policyName: 'absent', paramRef },
    asked: 'get */*/* team/limit',
  },
  {
    name: 'a binding with the same parameters as before',
    resource: binding,
    spec: { policyName: 'stored', paramRef },
    old: { policyName: 'stored', paramRef: { ...paramRef } },
    stored: configMaps,
  },
  {
    name: 'a binding, refused',
    resource: binding,
    spec: { policyName: 'stored', paramRef },
    stored: configMaps,
    asked: 'get /v1/configmaps team/limit',
    refused:
      'ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io "p" is invalid: spec.paramRef: Forbidden: user &{ann  [team system:authenticated] map[]} does not have "get" permission on the object referenced by paramRef',
  },
];

void describe('reading parameters of policies', () => {
  for (const { name, resource = policy, user = ann, spec, old, stored, asked, refused } of cases) {
    void test(name, async () => {
      const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
      await store.start();
      if (stored !== undefined) {
        const key = { collection: `${policy}.${group}`, namespace: '', name: 'stored' };
        const object = { metadata: { name: 'stored' }, spec: { paramKind: stored } } as KubeObject;
        await store.write({ kind: 'put', key, object, expectedRevision: 0 });
      }
      const questions: string[] = [];
      const guard = new PolicyParamGuard({
        store,
        resources: resourceTable(),
        authorizer: {
          decide: ({ verb, group: of, version, resource: what, namespace, name: which }) => {
            questions.push(`${verb} ${of}/${version}/${what} ${namespace}/${which}`);
            return { allowed: refused === undefined, reason: '' };
          },
        },
      });
      const target = {
        user,
        resource: resourceNamed(`${resource}.${group}`),
        namespace: '',
        name: 'p',
        subresource: '',
      };
      const object = { metadata: { name: 'p' }, spec } as KubeObject;
      const before = old === undefined ? {} : { old: { metadata: { name: 'p' }, spec: old } as KubeObject };
      const work = async (): Promise<void> => guard.check({ target, object, verb: 'create', ...before });
      if (refused === undefined) await work();
      else await assert.rejects(work, { reason: 'Invalid', message: refused });
      assert.deepEqual(questions, asked === undefined ? [] : [asked]);
      await store.close();
    });
  }
});
