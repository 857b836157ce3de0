import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  isEquivalent,
  latest,
  levelVersionText,
  modes,
  type Policy,
  parseLevel,
  parseVersion,
  privilegedPolicy,
  readPolicy,
} from './policy.ts';

/** `baseline:latest privileged:latest …`: enforce, audit, warn. */
const shown = (policy: Policy): string => modes.map((mode) => levelVersionText(policy[mode])).join(' ');

const labels = (short: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(short).map(([name, value]) => [`pod-security.kubernetes.io/${name}`, value]));

const read = (short: Readonly<Record<string, string>>, defaults = privilegedPolicy) => {
  const { policy, errors } = readPolicy(labels(short), defaults);
  return { policy: shown(policy), errors: errors.map(({ field, message }) => `${field}: ${message}`) };
};

const path = (name: string): string => `metadata.labels[pod-security.kubernetes.io/${name}]`;
const wrongLevel = 'must be one of privileged, baseline, restricted';
const wrongVersion = 'must be "latest" or "v1.x"';

describe('the policy of a namespace', () => {
  test('without labels it is the default one', () => {
    assert.deepEqual(read({}), { policy: 'privileged:latest privileged:latest privileged:latest', errors: [] });
    assert.equal(readPolicy({ app: 'x' }, privilegedPolicy).errors.length, 0);
  });

  test('each label stands for itself, beside what the defaults say', () => {
    const defaults: Policy = {
      enforce: { level: 'baseline', version: 20 },
      audit: { level: 'restricted', version: latest },
      warn: { level: 'restricted', version: 22 },
    };
    assert.equal(read({}, defaults).policy, 'baseline:v1.20 restricted:latest restricted:v1.22');
    assert.equal(
      read({ enforce: 'privileged' }, defaults).policy,
      'privileged:v1.20 restricted:latest restricted:v1.22',
    );
    assert.equal(
      read({ 'enforce-version': 'latest', 'audit-version': 'v1.0', warn: 'baseline' }, defaults).policy,
      'baseline:latest restricted:v1.0 baseline:v1.22',
    );
  });

  test('who enforces more than is warned of warns of it, too', () => {
    assert.equal(read({ enforce: 'baseline' }).policy, 'baseline:latest privileged:latest baseline:latest');
    const pinned = { enforce: 'restricted', 'enforce-version': 'v1.24' };
    assert.equal(read(pinned).policy, 'restricted:v1.24 privileged:latest restricted:v1.24');
    assert.equal(
      read({ ...pinned, 'warn-version': 'v1.25' }).policy,
      'restricted:v1.24 privileged:latest restricted:v1.25',
    );
    assert.equal(
      read({ ...pinned, warn: 'privileged' }).policy,
      'restricted:v1.24 privileged:latest privileged:latest',
    );
    const strict: Policy = { ...privilegedPolicy, warn: { level: 'restricted', version: 1 } };
    assert.equal(read({ enforce: 'baseline' }, strict).policy, 'baseline:latest privileged:latest restricted:v1.1');
  });

  test('labels that cannot be read enforce the strictest, and audit and warn of nothing', () => {
    assert.deepEqual(
      read({
        enforce: 'foo',
        'enforce-version': 'v2.0',
        audit: 'Baseline',
        'audit-version': '1.24',
        warn: '',
        'warn-version': 'v1.01',
      }),
      {
        policy: 'restricted:latest privileged:latest privileged:latest',
        errors: [
          `${path('enforce')}: Invalid value: "foo": ${wrongLevel}`,
          `${path('enforce-version')}: Invalid value: "v2.0": ${wrongVersion}`,
          `${path('audit')}: Invalid value: "Baseline": ${wrongLevel}`,
          `${path('audit-version')}: Invalid value: "1.24": ${wrongVersion}`,
          `${path('warn')}: Invalid value: "": ${wrongLevel}`,
          `${path('warn-version')}: Invalid value: "v1.01": ${wrongVersion}`,
        ],
      },
    );
    assert.equal(read({ enforce: 'foo' }).policy, 'restricted:latest privileged:latest privileged:latest');
  });

  test('levels and versions are read as they are written, and in no other way', () => {
    for (const [text, version] of [
      ['latest', latest],
      ['v1.0', 0],
      ['v1.9', 9],
      ['v1.36', 36],
      ['v1.999', 999],
    ] as const)
      assert.equal(parseVersion(text), version);
    for (const text of [
      '',
      'v1',
      'v1.',
      'v1.00',
      'v1.1.1',
      'V1.1',
      'v2.1',
      ' v1.1',
      'v1.1\n',
      'v1.-1',
      'v1.99999999999999999999',
    ])
      assert.equal(parseVersion(text), undefined, text);
    assert.equal(parseLevel('restricted'), 'restricted');
    assert.equal(parseLevel('constructor'), undefined);
  });

  test('privileged is the same in all versions, other levels are not', () => {
    const at = (level: 'privileged' | 'baseline', version: number): Policy => ({
      ...privilegedPolicy,
      enforce: { level, version },
    });
    assert.ok(isEquivalent(at('privileged', 1), at('privileged', 2)));
    assert.ok(!isEquivalent(at('baseline', 1), at('baseline', 2)));
    assert.ok(!isEquivalent(at('baseline', 1), at('privileged', 1)));
  });
});
