/** From which time on what is written now was owed; the cases are upstream's. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import { TriggerTimes } from './trigger-times.ts';

/** `t(1)` is one minute later than `t(0)`. */
const t = (minute: number): string => `2026-01-01T00:0${minute}:00Z`;

const service = (minute: number): Service => ({ metadata: { name: 'web', creationTimestamp: t(minute) } });

const pod = (name: string, minute: number): Pod => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: t(minute) }] },
});

type Look = readonly [Service, readonly Pod[], string | undefined];

describe('the trigger time', () => {
  const cases: readonly (readonly [string, readonly Look[]])[] = [
    ['is at first that of the Service, whatever its pods say', [[service(0), [pod('a', 2)], t(0)]]],
    ['is that of the Service where pods came before it', [[service(5), [pod('a', 1)], t(5)]]],
    [
      'is that of a pod that changes, comes or comes back',
      [
        [service(0), [pod('a', 0)], t(0)],
        [service(0), [pod('a', 2)], t(2)],
        [service(0), [pod('a', 2), pod('b', 3)], t(3)],
        [service(0), [pod('b', 3)], undefined],
        [service(0), [pod('a', 4), pod('b', 3)], t(4)],
      ],
    ],
    [
      'is the earliest of several',
      [
        [service(0), [pod('a', 0), pod('b', 0)], t(0)],
        [service(0), [pod('a', 3), pod('b', 2), pod('c', 4)], t(2)],
      ],
    ],
    [
      'is that of a Service that was made anew, and none where nothing is new',
      [
        [service(0), [pod('a', 1)], t(0)],
        [service(0), [pod('a', 1)], undefined],
        [service(4), [pod('a', 1)], t(4)],
        [service(4), [pod('a', 1)], undefined],
      ],
    ],
    [
      'is none of a pod that says nothing',
      [
        [service(0), [], t(0)],
        [service(0), [{ metadata: { name: 'mute' } }], undefined],
      ],
    ],
  ];
  for (const [name, looks] of cases) {
    test(name, () => {
      const times = new TriggerTimes();
      for (const [of, pods, expected] of looks) assert.equal(times.next('default/web', of, pods), expected);
    });
  }

  test("begins anew when the Service was gone, and is each Service's own", () => {
    const times = new TriggerTimes();
    assert.equal(times.next('default/web', service(0), [pod('a', 1)]), t(0));
    assert.equal(times.next('default/other', service(1), [pod('a', 1)]), t(1));
    times.forget('default/web');
    assert.equal(times.next('default/web', service(2), [pod('a', 1)]), t(2));
    assert.equal(times.next('default/other', service(1), [pod('a', 1)]), undefined);
  });
});
