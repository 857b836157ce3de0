/** The key by which managers are told apart is put together by hand; it has to be the JSON that upstream makes. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { managerKey } from './managed-fields.ts';

const text = fc.oneof(fc.constantFrom('', 'kubelet', 'v1', 'a"b', 'a\\b', '\u2028', 'é', 'a\nb'), fc.string());

test("a manager's key is JSON, whatever it is called", () => {
  const identity = fc.record({
    manager: text,
    operation: fc.constantFrom<'Apply' | 'Update'>('Apply', 'Update'),
    apiVersion: text,
    subresource: text,
  });
  fc.assert(
    fc.property(identity, (who) => {
      const { manager, operation, apiVersion, subresource } = who;
      const json = {
        manager: manager || undefined,
        operation,
        apiVersion: operation === 'Update' ? apiVersion : undefined,
        subresource: subresource || undefined,
      };
      equal(managerKey(who), JSON.stringify(json));
    }),
  );
});
