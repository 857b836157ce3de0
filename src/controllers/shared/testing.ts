/** For tests of what loops count. */
import type { MetricRegistry } from '../../lib/metrics.ts';

/** The numbers of one metric, by their labels as they are written. */
export function counted(metrics: MetricRegistry, name: string): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [, labels = '', value] of metrics.text().matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.*)$`, 'gm'))) {
    found[labels] = Number(value);
  }
  return found;
}
