import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { convert } from './conversion.ts';
import { draftOf, type ObjectDraft } from './draft.ts';

const v1 = 'autoscaling/v1';
const v2 = 'autoscaling/v2';
const prefix = 'autoscaling.alpha.kubernetes.io/';
const scaleTargetRef = { kind: 'Deployment', name: 'web' };

interface Shown extends ObjectDraft {
  readonly spec: Record<string, unknown>;
  readonly status: Record<string, unknown>;
}

function shownAs(apiVersion: string, object: object): Shown {
  return convert(draftOf({ kind: 'HorizontalPodAutoscaler', ...object }), apiVersion) as Shown;
}

const scaler = (spec: object, status: object = {}, annotations?: Record<string, string>): object => ({
  apiVersion: v2,
  metadata: { name: 'a', ...(annotations && { annotations }) },
  spec: { scaleTargetRef, maxReplicas: 3, ...spec },
  status: { currentReplicas: 1, desiredReplicas: 1, ...status },
});

test('what autoscaling/v1 has no field for stands in annotations, as JSON of its own types', () => {
  const shown = shownAs(v1, {
    ...scaler(
      {
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
          { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 60 } } },
          {
            type: 'Pods',
            pods: {
              metric: { name: 'r', selector: { matchLabels: { a: 'b' } } },
              target: { type: 'AverageValue', averageValue: '10' },
            },
          },
        ],
        behavior: {
          scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
        },
      },
      {
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 7, averageValue: '70m' } } },
        ],
        conditions: [{ type: 'AbleToScale', status: 'True', message: 'a<b' }],
      },
    ),
  });
  assert.deepEqual(shown.metadata?.annotations, {
    [`${prefix}metrics`]:
      '[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":60}},' +
      '{"type":"Pods","pods":{"metricName":"r","targetAverageValue":"10","selector":{"matchLabels":{"a":"b"}}}}]',
    [`${prefix}current-metrics`]:
      '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":7,"currentAverageValue":"70m"}}]',
    [`${prefix}behavior`]:
      '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max",' +
      '"Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}',
    [`${prefix}conditions`]: '[{"type":"AbleToScale","status":"True","lastTransitionTime":null,"message":"a\\u003cb"}]',
  });
  assert.deepEqual(shown.spec, { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 });
  assert.deepEqual(shown.status, { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 7 });
});

test('annotations that are old, or cannot be read, say nothing', () => {
  const annotations = { [`${prefix}metrics`]: '[{"type":"Pods"}]', mine: 'x' };
  assert.deepEqual(shownAs(v1, scaler({}, {}, annotations)).metadata?.annotations, { mine: 'x' });
  for (const text of ['', '{', '{"a":1}', '["a"]', '[{"resource":{"targetAverageUtilization":"x"}}]', 'null']) {
    const broken = Object.fromEntries(
      ['metrics', 'current-metrics', 'conditions', 'behavior'].map((name) => [prefix + name, text]),
    );
    const object = { ...scaler({ targetCPUUtilizationPercentage: 5 }, {}, broken), apiVersion: v1 };
    const shown = shownAs(v2, object);
    assert.deepEqual(shown.metadata?.annotations, undefined);
    assert.deepEqual(shown.spec['metrics'], [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 5 } } },
    ]);
    assert.equal(shown.spec['behavior'], undefined);
  }
});

test("the CPU's current utilization of autoscaling/v1 counts where no annotation tells more", () => {
  const object = { ...scaler({}, { currentCPUUtilizationPercentage: 9 }), apiVersion: v1 };
  assert.deepEqual(shownAs(v2, object).status['currentMetrics'], [
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 9 } } },
  ]);
});

const optional = <T>(name: string, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.oneof(
    fc.constant({}),
    value.map((each) => ({ [name]: each })),
  );
const all = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map((each) => Object.assign({}, ...each) as object);
const quantity = fc.constantFrom('1', '500m', '2Gi', '10k');
const text = fc.constantFrom('a', '<b>', '');
const count = fc.integer({ min: 0, max: 100 });
const selector = fc.constantFrom(
  {},
  { matchLabels: { a: 'b' } },
  { matchExpressions: [{ key: 'k', operator: 'Exists' }] },
);
const identifier = all(fc.record({ name: text }), optional('selector', selector));
const resourceName = fc.constantFrom('memory', 'storage');
const describedObject = all(fc.record({ kind: text, name: text }), optional('apiVersion', fc.constant('apps/v1')));

const utilization = fc.record({ type: fc.constant('Utilization'), averageUtilization: count });
const average = fc.record({ type: fc.constant('AverageValue'), averageValue: quantity });
const value = fc.record({ type: fc.constant('Value'), value: quantity });
const currentAverage = all(fc.record({ averageValue: quantity }), optional('averageUtilization', count));
const currentValue = fc.oneof(fc.record({ value: quantity }), fc.record({ averageValue: quantity }));

const source = (type: string, field: string, ...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  all(...parts).map((each) => ({ type, [field]: each }));
const metrics = (
  part: string,
  values: Record<'resource' | 'value' | 'average', fc.Arbitrary<object>>,
): fc.Arbitrary<object> =>
  fc.oneof(
    source('Resource', 'resource', fc.record({ name: resourceName, [part]: values.resource })),
    source(
      'ContainerResource',
      'containerResource',
      fc.record({ name: resourceName, container: text, [part]: values.resource }),
    ),
    source('Pods', 'pods', fc.record({ metric: identifier, [part]: values.average })),
    source('Object', 'object', fc.record({ metric: identifier, describedObject, [part]: values.value })),
    source('External', 'external', fc.record({ metric: identifier, [part]: values.value })),
  );
const targets = metrics('target', {
  resource: fc.oneof(utilization, average),
  value: fc.oneof(value, average),
  average,
});
const states = metrics('current', {
  resource: currentAverage,
  value: currentValue,
  average: fc.record({ averageValue: quantity }),
});
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 40 } } };
const rules = all(
  optional('stabilizationWindowSeconds', count),
  optional('selectPolicy', fc.constantFrom('Max', 'Min', 'Disabled')),
  optional(
    'policies',
    fc.array(fc.record({ type: text, value: count, periodSeconds: count }), { minLength: 1, maxLength: 3 }),
  ),
  optional('tolerance', quantity),
);
const behavior = fc.oneof(
  fc.record({ scaleUp: rules }),
  fc.record({ scaleDown: rules }),
  fc.record({ scaleUp: rules, scaleDown: rules }),
);
const condition = all(
  fc.record({ type: text, status: text }),
  optional('lastTransitionTime', fc.constant('2026-01-01T00:00:00Z')),
  optional('reason', fc.constant('r<')),
);
const few = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 4 });

test('v2 → v1 → v2 loses nothing', () => {
  const spec = all(
    optional(
      'metrics',
      fc.tuple(few(targets), fc.boolean()).map(([each, own]) => (own ? [...each, cpu] : each)),
    ),
    optional('behavior', behavior),
  );
  const status = all(optional('currentMetrics', few(states)), optional('conditions', few(condition)));
  fc.assert(
    fc.property(spec, status, fc.constantFrom(undefined, { mine: 'x' }), (someSpec, someStatus, annotations) => {
      const object = draftOf({ kind: 'HorizontalPodAutoscaler', ...scaler(someSpec, someStatus, annotations) });
      assert.deepEqual(shownAs(v2, shownAs(v1, object)), object);
    }),
  );
});

test('events lose nothing between the core group and events.k8s.io', () => {
  const event = {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod' },
    reason: 'r',
    message: 'm',
    source: { component: 'c' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-02T00:00:00Z',
    count: 3,
    type: 'Normal',
    eventTime: '2026-01-01T00:00:00.000000Z',
    series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
    action: 'a',
    related: { kind: 'Node' },
    reportingComponent: 'rc',
    reportingInstance: 'ri',
  };
  const other = convert(draftOf(event), 'events.k8s.io/v1');
  assert.deepEqual(Object.keys(other).slice(3, 9), [
    'regarding',
    'reason',
    'note',
    'deprecatedSource',
    'deprecatedFirstTimestamp',
    'deprecatedLastTimestamp',
  ]);
  assert.deepEqual(convert(other, 'v1'), event);
});
