/** What a loop has written, and what its cache shows of it; the cases are upstream's, save for what gets lost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { lagMsMax, SliceTracker } from './slice-tracker.ts';

const key = 'default/web';

const slice = (uid: string, generation: number): EndpointSlice => ({
  metadata: { namespace: 'default', name: uid, uid, generation },
  addressType: 'IPv4',
  endpoints: [],
});

describe('a cache lags', () => {
  const cases: readonly (readonly [string, (tracker: SliceTracker) => void, readonly EndpointSlice[], boolean])[] = [
    ['not where nothing was written', () => {}, [slice('a', 1)], false],
    ['not where it shows what was written', (tracker) => tracker.wrote(key, slice('a', 2)), [slice('a', 2)], false],
    ['not where it shows more', (tracker) => tracker.wrote(key, slice('a', 2)), [slice('a', 3), slice('b', 1)], false],
    ['where it shows less', (tracker) => tracker.wrote(key, slice('a', 2)), [slice('a', 1)], true],
    ['where it does not show a slice yet', (tracker) => tracker.wrote(key, slice('a', 1)), [], true],
    [
      'where it still shows what was deleted',
      (tracker) => tracker.asksDeletion(key, slice('a', 1)),
      [slice('a', 1)],
      true,
    ],
    ['not where it does not', (tracker) => tracker.asksDeletion(key, slice('a', 1)), [slice('b', 1)], false],
    ['not for what was written for others', (tracker) => tracker.wrote('default/other', slice('a', 2)), [], false],
    [
      'not for what is forgotten',
      (tracker) => {
        tracker.wrote(key, slice('a', 2));
        tracker.forget(key);
      },
      [],
      false,
    ],
  ];
  for (const [name, happened, shown, expected] of cases) {
    test(name, () => {
      const tracker = new SliceTracker(new VirtualClock());
      happened(tracker);
      assert.equal(tracker.lags(key, shown), expected);
    });
  }

  test('no longer when what never showed counts as lost', async () => {
    const clock = new VirtualClock();
    const tracker = new SliceTracker(clock);
    tracker.wrote(key, slice('a', 1));
    await clock.advance(lagMsMax);
    assert.equal(tracker.lags(key, []), true);
    await clock.advance(1);
    assert.equal(tracker.lags(key, []), false);
  });
});

describe('news is', () => {
  const written = (): SliceTracker => {
    const tracker = new SliceTracker(new VirtualClock());
    tracker.wrote(key, slice('a', 2));
    return tracker;
  };

  test('what somebody else has made or changed, and not our own write', () => {
    assert.equal(written().isNews(key, slice('a', 2)), false);
    assert.equal(written().isNews(key, slice('a', 3)), true);
    assert.equal(written().isNews(key, slice('b', 1)), true);
    assert.equal(written().isNews('default/other', slice('a', 2)), true);
  });

  test('our own write for whom it kept waiting', () => {
    const tracker = written();
    assert.equal(tracker.lags(key, []), true);
    assert.equal(tracker.isNews(key, slice('a', 2)), true);
    assert.equal(tracker.lags(key, [slice('a', 2)]), false);
    assert.equal(tracker.isNews(key, slice('a', 2)), false);
  });

  test('a deletion that we did not ask for', () => {
    assert.equal(written().isGoneNews(key, slice('a', 2)), true);
    const tracker = written();
    tracker.asksDeletion(key, slice('a', 2));
    assert.equal(tracker.isGoneNews(key, slice('a', 2)), false);
    assert.equal(tracker.lags(key, []), false);
  });
});
