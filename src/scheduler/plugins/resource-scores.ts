/** How well the resources of a node suit a pod, by upstream's formulas. Pure: a table of strategies, integers rounded as upstream rounds. */

export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

export interface ShapePoint {
  /** Percent of what the node has. */
  readonly utilization: number;
  /** 0 to 10. */
  readonly score: number;
}

export type ScoringStrategy =
  | { readonly type: 'LeastAllocated' | 'MostAllocated'; readonly resources: readonly ResourceWeight[] }
  | {
      readonly type: 'RequestedToCapacityRatio';
      readonly resources: readonly ResourceWeight[];
      readonly requestedToCapacityRatio: { readonly shape: readonly ShapePoint[] };
    };

/** From `requested`, the pod's part included, and `allocatable` to 0 … 100. */
export type ResourceScore = (requested: number, allocatable: number) => number;

const least: ResourceScore = (requested, allocatable) =>
  allocatable === 0 || requested > allocatable ? 0 : Math.floor(((allocatable - requested) * 100) / allocatable);

/** What asks for more than there is counts as all of it. */
const most: ResourceScore = (requested, allocatable) =>
  allocatable === 0 ? 0 : Math.floor((Math.min(requested, allocatable) * 100) / allocatable);

function byShape(shape: readonly ShapePoint[]): ResourceScore {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * 10 }));
  return (requested, allocatable) => {
    if (allocatable === 0 || requested > allocatable) return brokenLine(points, 100);
    return brokenLine(points, Math.trunc((requested * 100) / allocatable));
  };
}

/** Level before the first point and after the last, straight in between. */
function brokenLine(points: readonly ShapePoint[], at: number): number {
  for (const [index, { utilization, score }] of points.entries()) {
    if (at > utilization) continue;
    const before = points[index - 1];
    if (before === undefined) return score;
    const share = ((score - before.score) * (at - before.utilization)) / (utilization - before.utilization);
    return before.score + Math.trunc(share);
  }
  return points.at(-1)?.score ?? 0;
}

export function scoreOf(strategy: ScoringStrategy): ResourceScore {
  switch (strategy.type) {
    case 'LeastAllocated':
      return least;
    case 'MostAllocated':
      return most;
    case 'RequestedToCapacityRatio':
      return byShape(strategy.requestedToCapacityRatio.shape);
  }
}

/**
 * The weighted mean over the resources. A shape's resources without a score do not weigh, and its mean is rounded; others are cut, as
 * upstream does.
 */
export function meanScore(
  type: ScoringStrategy['type'],
  scores: readonly number[],
  weights: readonly number[],
): number {
  let sum = 0;
  let weightSum = 0;
  const isShape = type === 'RequestedToCapacityRatio';
  for (const [index, score] of scores.entries()) {
    if (isShape && score <= 0) continue;
    const weight = weights[index] ?? 0;
    sum += score * weight;
    weightSum += weight;
  }
  if (weightSum === 0) return 0;
  return isShape ? Math.round(sum / weightSum) : Math.floor(sum / weightSum);
}

/** The more alike the used parts of the resources, the better: one minus their standard deviation. */
export function balanceOf(fractions: readonly number[]): number {
  const [first = 0, second = 0] = fractions;
  if (fractions.length < 2) return 100;
  if (fractions.length === 2) return Math.trunc((1 - Math.abs((first - second) / 2)) * 100);
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
  const squares = fractions.reduce((sum, fraction) => sum + (fraction - mean) ** 2, 0);
  return Math.trunc((1 - Math.sqrt(squares / fractions.length)) * 100);
}
