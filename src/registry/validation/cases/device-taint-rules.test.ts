/** DeviceTaintRules, case by case as upstream tests them: what they select, the taint, and what is told of the eviction. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases } from './testing.ts';

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const condition = (type: string): JsonObject => ({
  type,
  status: 'True',
  reason: 'Because',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const name = 'name part must consist of…';

testCases([
  {
    resource: 'devicetaintrules.resource.k8s.io',
    valid: {
      metadata: { name: 'rule' },
      spec: {
        deviceSelector: { driver: 'dra.example.com', pool: 'pool-0', device: 'device-0' },
        taint: { key: 'example.com/taint', value: 'tainted', effect: 'NoExecute' },
      },
    },
    cases: [
      { name: 'accepts a rule for all devices', changes: { 'spec.deviceSelector': {} } },
      { name: 'accepts a rule for no device', changes: { 'spec.deviceSelector': undefined } },
      { name: 'accepts a taint without a value', changes: { 'spec.taint.value': undefined } },
      { name: 'accepts a taint without an effect on pods', changes: { 'spec.taint.effect': 'None' } },
      {
        name: 'refuses a driver, a pool and a device that are none',
        changes: { 'spec.deviceSelector': { driver: '!', pool: '!', device: '!' } },
        errors: [
          'spec.deviceSelector.driver: Invalid value: "!": a lowercase RFC 1123 subdomain must consist…',
          'spec.deviceSelector.pool: Invalid value: "!": a lowercase RFC 1123 subdomain must consist…',
          'spec.deviceSelector.device: Invalid value: "!": a lowercase RFC 1123 label must consist…',
        ],
      },
      {
        name: 'refuses selectors that are there but empty',
        changes: { 'spec.deviceSelector': { driver: '', pool: '' } },
        errors: ['spec.deviceSelector.driver: Required value', 'spec.deviceSelector.pool: Required value'],
      },
      {
        name: 'refuses a taint without key and effect',
        changes: { 'spec.taint': {} },
        errors: [
          'spec.taint.key: Invalid value: "": name part must be non-empty',
          `spec.taint.key: Invalid value: "": ${name}`,
          'spec.taint.effect: Required value',
        ],
      },
      {
        name: 'refuses a value and an effect that are none',
        changes: { 'spec.taint.value': '!', 'spec.taint.effect': 'some-other-op' },
        errors: [
          'spec.taint.value: Invalid value: "!": a valid label must be…',
          'spec.taint.effect: Unsupported value: "some-other-op": supported values: "NoExecute", "NoSchedule", "None"',
        ],
      },
      {
        name: 'accepts another taint for other devices',
        update: { 'spec.taint.effect': 'NoSchedule', 'spec.deviceSelector.device': 'device-1' },
      },
      {
        name: 'accepts conditions',
        subresource: 'status',
        update: { 'status.conditions': many(8, (n) => condition(`c${n}`)) },
      },
      {
        name: 'refuses more than 8 conditions',
        subresource: 'status',
        update: { 'status.conditions': many(9, (n) => condition(`c${n}`)) },
        errors: ['status.conditions: Too many: 9: must have at most 8 items'],
      },
      {
        name: 'refuses a condition that says nothing',
        subresource: 'status',
        update: { 'status.conditions': [{ ...condition('c'), reason: '' }] },
        errors: ['status.conditions[0].reason: Required value…'],
      },
    ],
  },
]);
