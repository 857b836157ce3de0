import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from './limits.ts';
import { exponentialBuckets, MetricRegistry } from './metrics.ts';

test('a counter and a gauge are written with their labels, in the order in which they were made', () => {
  const registry = new MetricRegistry();
  const requests = registry.counter({ name: 'requests_total', help: 'Requests.', labels: ['verb', 'code'] });
  registry.gauge({ name: 'depth', help: 'Depth.' }).with().set(3);
  requests.with('GET', '200').add();
  requests.with('GET', '200').add(2);
  assert.equal(
    registry.text(),
    '# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{verb="GET",code="200"} 3\n' +
      '# HELP depth Depth.\n# TYPE depth gauge\ndepth 3\n',
  );
});

test('a histogram counts cumulatively, bounds included, with sum and count', () => {
  const registry = new MetricRegistry();
  const series = registry.histogram({ name: 'seconds', help: 'S.', labels: ['q'], buckets: [0.1, 1] }).with('a');
  for (const value of [0.1, 0.5, 7]) series.observe(value);
  const lines = registry.text().trim().split('\n').slice(2);
  assert.deepEqual(lines, [
    'seconds_bucket{q="a",le="0.1"} 1',
    'seconds_bucket{q="a",le="1"} 2',
    'seconds_bucket{q="a",le="+Inf"} 3',
    'seconds_sum{q="a"} 7.6',
    'seconds_count{q="a"} 3',
  ]);
});

test('label values are escaped', () => {
  const registry = new MetricRegistry();
  registry
    .counter({ name: 'n', help: 'N.', labels: ['text'] })
    .with('a"b\\c\nd')
    .add();
  assert.match(registry.text(), /n\{text="a\\"b\\\\c\\nd"\} 1/);
});

test('beyond the bound all series of a metric share one, so that no client can fill the memory', () => {
  const registry = new MetricRegistry();
  const metric = registry.counter({ name: 'n', help: 'N.', labels: ['user'] });
  for (let index = 0; index < limits.metricSeriesMax + 100; index++) metric.with(`user-${index}`).add();
  assert.match(registry.text(), /n\{user="unexpected"\} 100\n/);
  assert.equal(registry.text().trim().split('\n').length, 2 + limits.metricSeriesMax + 1);
});

test('gauges that are computed are asked at each scrape', () => {
  const registry = new MetricRegistry();
  const gauge = registry.gauge({ name: 'now', help: 'Now.' });
  let value = 1;
  registry.beforeScrape(() => gauge.with().set(value++));
  assert.match(registry.text(), /now 1\n/);
  assert.match(registry.text(), /now 2\n/);
});

test('exponential buckets are round numbers', () => {
  assert.deepEqual(exponentialBuckets(0.001, 2, 4), [0.001, 0.002, 0.004, 0.008]);
  assert.deepEqual(exponentialBuckets(1000, 10, 3), [1000, 10_000, 100_000]);
});
