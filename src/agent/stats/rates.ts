/**
 * CPU usage as a rate, which takes two looks: of each counter the last look is remembered, and forgotten when it was not asked about for a
 * while. Looks that follow each other closely share a rate, or it would be noise.
 */
interface Look {
  readonly cpuNs: number;
  readonly timeMs: number;
  readonly nanoCores: number | undefined;
}

const betweenMsMin = 1000;
/** A rate over a longer time would say little of now. */
const betweenMsMax = 5 * 60_000;

export class CpuRates {
  readonly #looks = new Map<string, Look>();

  /** In 10⁻⁹ of a core; undefined in the first look. */
  rate(key: string, cpuNs: number, timeMs: number): number | undefined {
    const before = this.#looks.get(key);
    const isSetBack = before !== undefined && timeMs < before.timeMs;
    if (before !== undefined && !isSetBack && timeMs - before.timeMs < betweenMsMin) return before.nanoCores;
    const nanoCores = before === undefined || isSetBack ? undefined : rateBetween(before, cpuNs, timeMs);
    this.#looks.set(key, { cpuNs, timeMs, nanoCores });
    return nanoCores;
  }

  forgetOlderThan(timeMs: number): void {
    for (const [key, look] of this.#looks) if (look.timeMs < timeMs - betweenMsMax) this.#looks.delete(key);
  }

  get size(): number {
    return this.#looks.size;
  }
}

function rateBetween(before: Look, cpuNs: number, timeMs: number): number | undefined {
  const ms = timeMs - before.timeMs;
  // A counter that went back is another cgroup's of the same name.
  if (ms > betweenMsMax || cpuNs < before.cpuNs) return undefined;
  return Math.round(((cpuNs - before.cpuNs) * 1000) / ms);
}
