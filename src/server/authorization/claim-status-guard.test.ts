import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AllocatedDeviceStatus, AllocationResult, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import type { UserInfo } from '../../registry/request.ts';
import { resourceNamed } from '../../registry/testing.ts';
import { ClaimStatusGuard } from './claim-status-guard.ts';

const driver: UserInfo = { name: 'system:serviceaccount:kube-system:driver', groups: [] };
const nodeKey = 'authentication.kubernetes.io/node-name';
const on = (node: string): UserInfo => ({ ...driver, extra: { [nodeKey]: [node] } });

const at = (...values: string[]): AllocationResult => ({
  devices: { results: [] },
  nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }] },
});
const device = (name: string, more: Partial<AllocatedDeviceStatus> = {}): AllocatedDeviceStatus => ({
  driver: 'a.example.com',
  pool: 'pool',
  device: name,
  ...more,
});
const users = [{ resource: 'pods', name: 'pod', uid: 'uid' }];

interface Case {
  readonly name: string;
  readonly user?: UserInfo;
  readonly before?: ResourceClaim['status'];
  readonly after?: ResourceClaim['status'];
  readonly verb?: 'update' | 'patch';
  /** What is allowed: `verb resource/subresource namespace name`. */
  readonly allowed?: readonly string[];
  readonly asked?: readonly string[];
  readonly refused?: RegExp;
  readonly subresource?: string;
}

const binding = 'update resourceclaims/binding  ';
const driverQuestion = (verb: string, name = 'a.example.com'): string =>
  `${verb} resourceclaims/driver default ${name}`;
const changedDevice = { before: { allocation: at('n1') }, after: { allocation: at('n1'), devices: [device('one')] } };

const cases: readonly Case[] = [
  { name: 'nothing that needs more', before: { reservedFor: users }, after: { reservedFor: users } },
  { name: 'a write to the claim itself', subresource: '', after: { allocation: at('n1') } },
  { name: 'no users and an empty list of them', before: {}, after: { reservedFor: [] } },
  { name: 'an allocation', after: { allocation: at('n1') }, allowed: [binding], asked: [binding] },
  { name: 'users', after: { reservedFor: users }, allowed: [binding], asked: [binding] },
  {
    name: 'an allocation, by a patch',
    after: { allocation: at('n1') },
    verb: 'patch',
    allowed: ['patch resourceclaims/binding  '],
    asked: ['patch resourceclaims/binding  '],
  },
  {
    name: 'an allocation, refused',
    after: { allocation: at('n1') },
    asked: [binding],
    refused:
      /^ResourceClaim.resource.k8s.io "claim" is invalid: status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims\/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: User "system:serviceaccount:kube-system:driver" cannot update resource "resourceclaims\/binding" in API group "resource.k8s.io" at the cluster scope$/,
  },
  {
    name: 'devices, from their node',
    user: on('n1'),
    ...changedDevice,
    allowed: [driverQuestion('associated-node:update')],
    asked: [driverQuestion('associated-node:update')],
  },
  {
    name: 'devices, from their node, by the right for all nodes',
    user: on('n1'),
    ...changedDevice,
    allowed: [driverQuestion('arbitrary-node:update')],
    asked: [driverQuestion('associated-node:update'), driverQuestion('arbitrary-node:update')],
  },
  {
    name: 'devices, from another node',
    user: on('n2'),
    ...changedDevice,
    allowed: [driverQuestion('associated-node:update')],
    asked: [driverQuestion('arbitrary-node:update')],
    refused:
      /status.devices: Forbidden: .*requires resource="resourceclaims\/driver", verb="\[arbitrary-node:update\]"/,
  },
  {
    name: 'devices, by who is no service account',
    user: { ...on('n1'), name: 'system:node:n1' },
    ...changedDevice,
    asked: [driverQuestion('arbitrary-node:update')],
    refused: /status.devices: Forbidden/,
  },
  {
    name: 'devices of a claim that several nodes may use',
    user: on('n1'),
    before: { allocation: at('n1', 'n2') },
    after: { allocation: at('n1', 'n2'), devices: [device('one')] },
    allowed: [driverQuestion('arbitrary-node:update')],
    asked: [driverQuestion('arbitrary-node:update')],
  },
  {
    name: 'devices that went, and such that are told of otherwise',
    before: { devices: [device('one'), device('two', { driver: 'b.example.com' }), device('same')] },
    after: { devices: [device('one', { data: { a: 1 } }), device('same')] },
    allowed: [driverQuestion('arbitrary-node:update'), driverQuestion('arbitrary-node:update', 'b.example.com')],
    asked: [driverQuestion('arbitrary-node:update'), driverQuestion('arbitrary-node:update', 'b.example.com')],
  },
  {
    name: 'devices of two drivers, one of them refused',
    user: on('n1'),
    before: { allocation: at('n1') },
    after: { allocation: at('n1'), devices: [device('one'), device('two', { driver: 'b.example.com' })] },
    allowed: [driverQuestion('associated-node:update')],
    asked: [
      driverQuestion('associated-node:update'),
      driverQuestion('associated-node:update', 'b.example.com'),
      driverQuestion('arbitrary-node:update', 'b.example.com'),
    ],
    refused:
      /verb="\[associated-node:update arbitrary-node:update\]" permission: resourceclaims.resource.k8s.io "b.example.com" is forbidden/,
  },
];

describe("who may write a claim's status is asked about", () => {
  for (const row of cases) {
    test(row.name, async () => {
      const { user = driver, before = {}, after = {}, verb = 'update', allowed = [], subresource = 'status' } = row;
      const asked: string[] = [];
      const guard = new ClaimStatusGuard({
        decide: (question) => {
          const { namespace, name, resource } = question;
          const text = `${question.verb} ${resource}/${question.subresource} ${namespace} ${name}`;
          asked.push(text);
          return { allowed: allowed.includes(text), reason: '' };
        },
      });
      const resource = resourceNamed('resourceclaims.resource.k8s.io');
      const target = { user, resource, namespace: 'default', name: 'claim', subresource };
      const claim = (status: ResourceClaim['status'] = {}): ResourceClaim => ({ spec: {}, status });
      const found = await Promise.resolve(guard.check({ target, object: claim(after), old: claim(before), verb })).then(
        () => '',
        (error: unknown) => {
          assert.ok(error instanceof StatusError, String(error));
          return error.message;
        },
      );
      assert.deepEqual(asked, row.asked ?? []);
      assert.match(found, row.refused ?? /^$/);
    });
  }
});
