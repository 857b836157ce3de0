/** What drivers report of allocated devices, and where the devices are, case by case as upstream tests them. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const id = { driver: 'dra.example.com', pool: 'pool-0', device: 'device-0' };
const allocated = { 'status.allocation': { devices: { results: [{ request: 'req-0', ...id }] } } };
const report = (...list: readonly JsonObject[]): JsonObject => ({ ...allocated, 'status.devices': [...list] });
const network = (...ips: string[]): JsonObject => report({ ...id, networkData: { ips } });
const at = 'status.devices[0]';

const place = (value: string): JsonObject => ({
  'status.allocation': {
    devices: { results: [{ request: 'req-0', ...id }] },
    nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'foo', operator: 'In', values: [value] }] }] },
  },
});

const row = (name: string, update: JsonObject, errors: readonly string[] = []): ValidationCase => ({
  name,
  subresource: 'status',
  update,
  errors,
});

testCases([
  {
    resource: 'resourceclaims.resource.k8s.io',
    valid: {
      metadata: { name: 'valid-claim' },
      spec: { devices: { requests: [{ name: 'req-0', exactly: { deviceClassName: 'gpu' } }] } },
    },
    cases: [
      row('accepts addresses with their networks', network('10.9.8.1/24', '2001:db8::1/64')),
      row(
        'refuses addresses that are none, or not in their usual form',
        network('300.9.8.0/24', '010.009.008.000/24', '2001:0db8::1/64'),
        [
          `${at}.networkData.ips[0]: Invalid value: "300.9.8.0/24": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)`,
          `${at}.networkData.ips[1]: Invalid value: "010.009.008.000/24": must be in canonical form ("10.9.8.0/24")`,
          `${at}.networkData.ips[2]: Invalid value: "2001:0db8::1/64": must be in canonical form ("2001:db8::1/64")`,
        ],
      ),
      row('refuses more addresses than 16', network(...Array.from({ length: 17 }, (_, last) => `10.9.8.${last}/24`)), [
        `${at}.networkData.ips: Too many: 17: must have at most 16 items`,
      ]),
      row('accepts data as long as may be', report({ ...id, data: { str: 'x'.repeat(10 * 1024 - 10) } })),
      row('refuses data that is too long', report({ ...id, data: { str: 'x'.repeat(10 * 1024) } }), [
        `${at}.data: Too long: may not be more than 10240 bytes`,
      ]),
      row('refuses a report of a device that the claim has not', report({ driver: 'b', pool: 'a', device: 'r' }), [
        `${at}: Invalid value: "b/a/r": must be an allocated device in the claim`,
      ]),
      row('accepts nodes by a label', place('a')),
      row('refuses nodes by a label that can have no such value', place('-1'), [
        'status.allocation.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "-1": a valid label must be an empty string or consist of…',
      ]),
    ],
  },
]);
