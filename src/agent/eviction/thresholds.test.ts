import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultKubeletConfiguration } from '../kubelet-configuration.ts';
import type { Observation } from './signals.ts';
import {
  type EvictionSettings,
  formatThreshold,
  isHard,
  isMet,
  type Threshold,
  thresholdsOf,
  withLayers,
} from './thresholds.ts';

const nothing: EvictionSettings = {
  evictionHard: {},
  evictionSoft: {},
  evictionSoftGracePeriodMs: {},
  evictionMinimumReclaim: {},
  enforceNodeAllocatable: [],
};

const observed = (available: number, capacity: number): Observation => ({
  available,
  capacity,
  format: 'BinarySI',
  timeMs: 1,
});

const only = (settings: Partial<EvictionSettings>): Threshold => {
  const [threshold, ...others] = thresholdsOf({ ...nothing, ...settings });
  assert.ok(threshold !== undefined && others.length === 0);
  return threshold;
};

describe('thresholds of eviction', () => {
  test('the defaults are upstream’s, and memory of all pods together is watched as the node’s is', () => {
    const thresholds = thresholdsOf(defaultKubeletConfiguration);
    assert.deepEqual(
      thresholds.map(({ signal, gracePeriodMs }) => [signal, gracePeriodMs]),
      [
        ['memory.available', 0],
        ['nodefs.available', 0],
        ['nodefs.inodesFree', 0],
        ['imagefs.available', 0],
        ['imagefs.inodesFree', 0],
        ['allocatableMemory.available', 0],
      ],
    );
    const without = thresholdsOf({ ...defaultKubeletConfiguration, enforceNodeAllocatable: ['none'] });
    assert.equal(without.length, 5);
  });

  test('quantities are compared as they are, percentages with the capacity', () => {
    const quantity = only({ evictionHard: { 'memory.available': '150Mi' } });
    assert.ok(isHard(quantity));
    assert.equal(isMet(quantity, observed(150 * 2 ** 20, 2 ** 30), false), false, 'just as much is enough');
    assert.equal(isMet(quantity, observed(150 * 2 ** 20 - 1, 2 ** 30), false), true);
    assert.equal(formatThreshold(quantity, observed(0, 2 ** 30)), '150Mi');

    const percentage = only({ evictionHard: { 'memory.available': '10%' } });
    assert.equal(isMet(percentage, observed(100, 1000), false), false);
    assert.equal(isMet(percentage, observed(99, 1000), false), true);
    assert.equal(formatThreshold(percentage, observed(0, 10_240)), '1Ki');
  });

  test('a minimum reclaim, too, is a quantity or a percentage, and counts only where it is asked for', () => {
    for (const reclaim of ['500', '50%']) {
      const threshold = only({
        evictionHard: { 'nodefs.available': '100' },
        evictionMinimumReclaim: { 'nodefs.available': reclaim },
      });
      assert.equal(isMet(threshold, observed(599, 1000), false), false, reclaim);
      assert.equal(isMet(threshold, observed(599, 1000), true), true, reclaim);
      assert.equal(isMet(threshold, observed(600, 1000), true), false, reclaim);
    }
    const none = only({
      evictionHard: { 'nodefs.available': '100' },
      evictionMinimumReclaim: { 'nodefs.available': '0' },
    });
    assert.equal(isMet(none, observed(100, 1000), true), false);
  });

  test('all or nothing is no threshold', () => {
    const evictionHard = { 'memory.available': '0%', 'nodefs.available': '100%' };
    assert.deepEqual(thresholdsOf({ ...nothing, evictionHard }), []);
  });

  test('a soft threshold has its grace period', () => {
    const settings = {
      evictionSoft: { 'memory.available': '30%' },
      evictionSoftGracePeriodMs: { 'memory.available': 90_000 },
    };
    const threshold = only(settings);
    assert.equal(threshold.gracePeriodMs, 90_000);
    assert.equal(isHard(threshold), false);
  });

  test('what cannot hold is refused with a word about where it stands', () => {
    const cases: readonly (readonly [Partial<EvictionSettings>, RegExp])[] = [
      [{ evictionHard: { 'mem.available': '150Mi' } }, /^evictionHard: unsupported eviction signal mem\.available$/],
      [
        { evictionHard: { 'memory.available': '-1Mi' } },
        /^evictionHard\[memory\.available\]: must be positive, not "-1Mi"$/,
      ],
      [{ evictionHard: { 'memory.available': '0' } }, /must be positive/],
      [{ evictionHard: { 'memory.available': '150Mb' } }, /^evictionHard\[memory\.available\]: "150Mb": .*quantit/],
      [{ evictionHard: { 'memory.available': '-15%' } }, /must be a percentage above 0% and at most 100%, not "-15%"/],
      [{ evictionHard: { 'memory.available': '110%' } }, /must be a percentage/],
      [{ evictionHard: { 'memory.available': 'x%' } }, /must be a percentage/],
      [
        { evictionSoft: { 'memory.available': '1Gi' } },
        /a grace period must be given for the soft threshold memory\.available/,
      ],
      [
        { evictionSoft: { 'memory.available': '1Gi' }, evictionSoftGracePeriodMs: { 'memory.available': -1 } },
        /must not be negative/,
      ],
      [{ evictionMinimumReclaim: { 'memory.available': '-300Mi' } }, /must be positive/],
      [{ evictionMinimumReclaim: { 'memory.available': '0%' } }, /must be a percentage/],
      [{ evictionMinimumReclaim: { 'mem.available': '1Mi' } }, /unsupported eviction signal/],
    ];
    for (const [settings, message] of cases) {
      assert.throws(() => thresholdsOf({ ...nothing, ...settings }), { message }, JSON.stringify(settings));
    }
  });

  test('layers of containers have the thresholds of the disk that they lie on, whatever else is configured', () => {
    const evictionHard = { 'nodefs.available': '1Gi', 'imagefs.available': '2Gi', 'containerfs.available': '3Gi' };
    const thresholds = thresholdsOf({ ...nothing, evictionHard });
    const layers = (layout: 'one-disk' | 'images-apart') =>
      withLayers(thresholds, layout)
        .filter(({ signal }) => signal === 'containerfs.available')
        .map((threshold) => formatThreshold(threshold, observed(0, 1)));
    assert.deepEqual(layers('one-disk'), ['1Gi']);
    assert.deepEqual(layers('images-apart'), ['2Gi']);
  });
});
