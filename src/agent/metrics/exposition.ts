/**
 * Metrics that are told anew at each scrape, in Prometheus' text form (exposition format 0.0.4): what lives and dies with pods keeps no
 * series. Kept true: all samples of a family stand together, and a family without samples is not told at all.
 */
export type MetricType = 'counter' | 'gauge';

export type Labels = Readonly<Record<string, string>>;

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

export class MetricText {
  readonly #families = new Map<string, string[]>();

  /** Declares a family, and hands out what adds samples to it. Samples without a figure are left out. */
  family(name: string, type: MetricType, help: string): AddSample {
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    this.#families.set(name, lines);
    return (value, labels = {}, timeMs) => {
      if (value === undefined) return;
      const time = timeMs === undefined ? '' : ` ${timeMs}`;
      lines.push(`${name}${labelText(labels)} ${figure(value)}${time}`);
    };
  }

  toString(): string {
    const told = [...this.#families.values()].filter((lines) => lines.length > 2);
    return told.map((lines) => `${lines.join('\n')}\n`).join('');
  }
}

/** @param timeMs when it was so; absent: now */
export type AddSample = (value: number | undefined, labels?: Labels, timeMs?: number) => void;

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function figure(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
