/** A strict reader of Prometheus' text form: what it refuses, a scraper might. For tests. */
import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number | undefined;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN|[+-]Inf)(?: (-?\d+))?$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const suffixes: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

/** @throws AssertionError for a form that is not exact, families in pieces, and series told twice */
export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line has no end');
  const families = new Map<string, { name: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let help = '';
  let family: { name: string; type: string; samples: Sample[] } | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.ok(!families.has(name), `${name} stands in two places`);
      help = name;
    } else if (kind === 'TYPE') {
      assert.equal(name, help, `TYPE without HELP: ${line}`);
      assert.match(rest, /^(counter|gauge|histogram)$/);
      family = { name, type: rest, samples: [] };
      families.set(name, family);
    } else {
      const sample = parseSample(line);
      assert.ok(family !== undefined && belongs(sample.name, family), `not of the family before it: ${line}`);
      const series = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
      assert.ok(!seen.has(series), `told twice: ${line}`);
      seen.add(series);
      family.samples.push(sample);
    }
  }
  for (const { name, samples } of families.values()) assert.ok(samples.length > 0, `${name} has no samples`);
  return families;
}

function belongs(name: string, family: { readonly name: string; readonly type: string }): boolean {
  return (suffixes[family.type] ?? ['']).some((suffix) => name === family.name + suffix);
}

function parseSample(line: string): Sample {
  const [, name, labelText = '', value = '', time] = sampleLine.exec(line) ?? [];
  assert.ok(name !== undefined, `no sample: ${line}`);
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  while (labelPair.lastIndex < labelText.length) {
    const [, key = '', text = ''] = labelPair.exec(labelText) ?? [];
    assert.ok(key !== '' && !(key in labels), `labels: ${line}`);
    labels[key] = text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  }
  const figure = value.endsWith('Inf') ? Number(`${value.slice(0, 1)}Infinity`) : Number(value);
  return { name, labels, value: figure, timeMs: time === undefined ? undefined : Number(time) };
}
