/** Devices: claims and their templates, classes, slices. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases } from './testing.ts';

const group = 'resource.k8s.io';
const request = { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } };
const claim = { metadata: { name: 'c' }, spec: { devices: { requests: [request] } } };
const device = { name: 'gpu-0', attributes: { model: { string: 'A' } }, capacity: { memory: { value: '8Gi' } } };
const slice = {
  metadata: { name: 's' },
  spec: { driver: 'gpu.example.com', pool: { name: 'n1', resourceSliceCount: 1 }, nodeName: 'n1', devices: [device] },
};
const result = { request: 'gpu', driver: 'gpu.example.com', pool: 'n1', device: 'gpu-0' };
const opaque = { driver: 'gpu.example.com', parameters: { a: 1 } };
const unknown = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const policy = (requestPolicy: JsonObject): JsonObject => ({
  ...device,
  allowMultipleAllocations: true,
  capacity: { memory: { value: '8', requestPolicy } },
});
const at = 'spec.devices[0].capacity[memory].requestPolicy';

testCases([
  {
    resource: `resourceclaims.${group}`,
    valid: claim,
    cases: [
      {
        name: 'refuses a request for nothing',
        changes: { 'spec.devices.requests': [{ name: 'a' }] },
        errors: ['spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required'],
      },
      {
        name: 'refuses a request twice',
        changes: { 'spec.devices.requests': [request, request] },
        errors: ['spec.devices.requests[1]: Duplicate value: "gpu"'],
      },
      {
        name: 'refuses a request for no class',
        changes: { 'spec.devices.requests[0].exactly': {} },
        errors: ['spec.devices.requests[0].exactly.deviceClassName: Required value'],
      },
      {
        name: 'refuses a number of all',
        changes: {
          'spec.devices.requests[0].exactly.allocationMode': 'All',
          'spec.devices.requests[0].exactly.count': 2,
        },
        errors: [
          "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
        ],
      },
      {
        name: 'refuses a negative number',
        changes: { 'spec.devices.requests[0].exactly.count': -1 },
        errors: ['spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero'],
      },
      {
        name: 'refuses too many requests by their number',
        changes: {
          'spec.devices.requests': Array.from({ length: 33 }, (_, index) => ({ ...request, name: `r${index}` })),
        },
        errors: ['spec.devices.requests: Too many: 33: must have at most 32 items'],
      },
      {
        name: 'refuses a selector of no kind',
        changes: { 'spec.devices.requests[0].exactly.selectors': [{}] },
        errors: ['spec.devices.requests[0].exactly.selectors[0].cel: Required value'],
      },
      {
        name: 'accepts alternatives',
        changes: {
          'spec.devices': {
            requests: [{ name: 'gpu', firstAvailable: [{ name: 'a', deviceClassName: 'x' }] }],
            constraints: [{ requests: ['gpu/a'], matchAttribute: 'example.com/numa' }],
          },
        },
      },
      {
        name: 'refuses a constraint on what is not asked for',
        changes: { 'spec.devices.constraints': [{ requests: ['cpu'], matchAttribute: 'example.com/numa' }] },
        errors: [`spec.devices.constraints[0].requests[0]: Invalid value: "cpu": ${unknown}`],
      },
      {
        name: 'refuses an attribute without a domain',
        changes: { 'spec.devices.constraints': [{ matchAttribute: 'numa' }] },
        errors: [
          'spec.devices.constraints[0].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
        ],
      },
      {
        name: 'refuses a configuration of nothing',
        changes: { 'spec.devices.config': [{}] },
        errors: ['spec.devices.config[0].opaque: Required value'],
      },
      {
        name: 'refuses parameters that are no object',
        changes: { 'spec.devices.config': [{ opaque: { ...opaque, parameters: [] } }] },
        errors: [
          'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
        ],
      },
      {
        name: 'refuses another wish',
        update: { 'spec.devices.requests[0].name': 'other' },
        errors: ['spec: Invalid value: …'],
      },
      {
        name: 'accepts what it got',
        subresource: 'status',
        update: { 'status.allocation': { devices: { results: [result] } } },
      },
      {
        name: 'refuses what it did not ask for',
        subresource: 'status',
        update: { 'status.allocation': { devices: { results: [{ ...result, request: 'x' }] } } },
        errors: [`status.allocation.devices.results[0].request: Invalid value: "x": ${unknown}`],
      },
      {
        name: 'refuses users of what it did not get',
        subresource: 'status',
        update: { 'status.reservedFor': [{ resource: 'pods', name: 'p', uid: 'u' }] },
        errors: ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set'],
      },
      {
        name: 'refuses a report of a device that it does not have',
        subresource: 'status',
        update: { 'status.devices': [{ driver: 'a.b', pool: 'p', device: 'd' }] },
        errors: ['status.devices[0]: Invalid value: "a.b/p/d": must be an allocated device in the claim'],
      },
    ],
  },
  {
    resource: `resourceclaimtemplates.${group}`,
    valid: { metadata: { name: 't' }, spec: { spec: claim.spec } },
    cases: [
      {
        name: 'refuses a name for the claims',
        changes: { 'spec.metadata': { name: 'x' } },
        errors: ['spec.metadata.name: Forbidden: cannot be set'],
      },
      {
        name: 'refuses what claims may not ask for',
        changes: { 'spec.spec.devices.requests[0].name': 'A' },
        errors: ['spec.spec.devices.requests[0].name: Invalid value: "A": a lowercase RFC 1123 label…'],
      },
    ],
  },
  {
    resource: `deviceclasses.${group}`,
    valid: { metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression: 'true' } }], config: [{ opaque }] } },
    cases: [
      {
        name: 'refuses an expression that is too long',
        changes: { 'spec.selectors[0].cel.expression': 'x'.repeat(10_241) },
        errors: ['spec.selectors[0].cel.expression: Too long: may not be more than 10240 bytes'],
      },
      {
        name: 'accepts an expression about a device',
        changes: { 'spec.selectors[0].cel.expression': 'device.attributes["dra.example.com"].cores > 8' },
      },
      {
        name: 'refuses an expression that says nothing sensible, or no yes and no',
        changes: {
          'spec.selectors': [{ cel: { expression: 'noSuchVar' } }, { cel: { expression: 'device.driver' } }],
        },
        errors: [
          'spec.selectors[0].cel.expression: Invalid value: "noSuchVar": compilation failed: …',
          'spec.selectors[1].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
        ],
      },
      {
        name: 'refuses a resource of the cluster’s own',
        changes: { 'spec.extendedResourceName': 'cpu' },
        errors: ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name'],
      },
    ],
  },
  {
    resource: `resourceslices.${group}`,
    valid: slice,
    cases: [
      {
        name: 'refuses devices of nowhere',
        changes: { 'spec.nodeName': undefined },
        errors: [
          'spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
        ],
      },
      {
        name: 'refuses devices of one node and of all',
        changes: { 'spec.allNodes': true },
        errors: [
          'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
        ],
      },
      {
        name: 'refuses an empty pool',
        changes: { 'spec.pool.resourceSliceCount': 0 },
        errors: ['spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero'],
      },
      {
        name: 'refuses a device twice',
        changes: { 'spec.devices': [device, device] },
        errors: ['spec.devices[1]: Duplicate value: "gpu-0"'],
      },
      {
        name: 'refuses too many devices',
        changes: { 'spec.devices': Array.from({ length: 129 }, (_, index) => ({ name: `d${index}` })) },
        errors: ['spec.devices: Too many: 129: must have at most 128 items'],
      },
      {
        name: 'refuses an attribute of two kinds',
        changes: { 'spec.devices[0].attributes': { a: { int: 1, bool: true } } },
        errors: [
          'spec.devices[0].attributes[a]: Invalid value: {"int":1,"bool":true}: exactly one value must be specified',
        ],
      },
      {
        name: 'refuses a version that is none',
        changes: { 'spec.devices[0].attributes': { a: { version: '1.0' } } },
        errors: [
          'spec.devices[0].attributes[a].version: Invalid value: "1.0": must be a string compatible with semver.org spec 2.0.0',
        ],
      },
      {
        name: 'refuses an attribute by a bad name',
        changes: { 'spec.devices[0].attributes': { 'a-b': { int: 1 } } },
        errors: ['spec.devices[0].attributes: Invalid value: "a-b": a valid C identifier…'],
      },
      {
        name: 'refuses portions where nothing is shared',
        changes: { 'spec.devices[0].capacity': { memory: { value: '8', requestPolicy: {} } } },
        errors: [`${at}: Forbidden: allowMultipleAllocations must be true`],
      },
      {
        name: 'refuses portions without a usual one',
        changes: { 'spec.devices': [policy({ validValues: ['1'] })] },
        errors: [`${at}.default: Required value: required when validValues is defined`],
      },
      {
        name: 'refuses portions of more than all',
        changes: { 'spec.devices': [policy({ default: '1', validValues: ['1', '9'] })] },
        errors: [`${at}.validValues[1]: Invalid value: "9": option is larger than capacity value: 8`],
      },
      {
        name: 'refuses steps that do not lead there',
        changes: { 'spec.devices': [policy({ default: '2', validRange: { min: '2', max: '7', step: '2' } })] },
        errors: [`${at}.validRange.step: Invalid value: "7": value is not a multiple of a given step (2) from (2)`],
      },
      {
        name: 'refuses a taint without an effect',
        changes: { 'spec.devices[0].taints': [{ key: 'a' }] },
        errors: ['spec.devices[0].taints[0].effect: Required value'],
      },
      {
        name: 'refuses a device that says where',
        changes: { 'spec.devices[0].allNodes': true },
        errors: ['spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if…'],
      },
      {
        name: 'refuses conditions without the other ones',
        changes: { 'spec.devices[0].bindingConditions': ['ready'] },
        errors: [
          'spec.devices[0].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions',
        ],
      },
      {
        name: 'refuses another driver',
        update: { 'spec.driver': 'other.example.com' },
        errors: ['spec.driver: Invalid value: "other.example.com": field is immutable'],
      },
    ],
  },
]);
