/**
 * When the node is short of something, as the configuration says it: `evictionHard` at once, `evictionSoft` after a grace period. A threshold
 * is made once and known by its identity. Pure.
 */
import {
  compareQuantities,
  formatQuantity,
  integerValue,
  parseQuantity,
  type Quantity,
  QuantityError,
} from '../../api/quantity.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import { amount, isSignal, type Observation, type Signal } from './signals.ts';

/** An amount, or a part of what there is. */
export type ThresholdValue = { readonly quantity: Quantity } | { readonly fraction: number };

export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** 0: a hard one. */
  readonly gracePeriodMs: number;
  /** So much more than the value must be free again. */
  readonly minimumReclaim?: ThresholdValue;
}

export type EvictionSettings = Pick<
  KubeletConfiguration,
  'evictionHard' | 'evictionSoft' | 'evictionSoftGracePeriodMs' | 'evictionMinimumReclaim' | 'enforceNodeAllocatable'
>;

/** Where images and the layers of containers lie: on the disk of volumes and logs, or on one of their own. */
export type DiskLayout = 'one-disk' | 'images-apart';

const zero = parseQuantity('0');

/** @throws Error that names the setting and says what is wrong with it */
export function thresholdsOf(settings: EvictionSettings): readonly Threshold[] {
  const hard = statements('evictionHard', settings.evictionHard);
  const soft = statements('evictionSoft', settings.evictionSoft);
  const reclaims = new Map(statements('evictionMinimumReclaim', settings.evictionMinimumReclaim));
  const threshold = ([signal, value]: Statement, gracePeriodMs: number): Threshold => {
    const minimumReclaim = reclaims.get(signal);
    return { signal, value, gracePeriodMs, ...(minimumReclaim !== undefined && { minimumReclaim }) };
  };
  const all = [
    ...hard.map((statement) => threshold(statement, 0)),
    ...soft.map((statement) => threshold(statement, graceOf(statement[0], settings.evictionSoftGracePeriodMs))),
  ];
  const limited = settings.enforceNodeAllocatable.includes('pods');
  const memory = all.filter(({ signal, gracePeriodMs }) => signal === 'memory.available' && gracePeriodMs === 0);
  const ofPods = memory.map((copied) => ({ ...copied, signal: 'allocatableMemory.available' as const }));
  return limited ? [...all, ...ofPods] : all;
}

/** Layers of containers lie where one of the other two looks already, and its thresholds hold for them: nobody else's do. */
export function withLayers(thresholds: readonly Threshold[], layout: DiskLayout): readonly Threshold[] {
  const disk = layout === 'one-disk' ? 'nodefs' : 'imagefs';
  const copies: Readonly<Partial<Record<Signal, Signal>>> = {
    [`${disk}.available`]: 'containerfs.available',
    [`${disk}.inodesFree`]: 'containerfs.inodesFree',
  };
  const others = thresholds.filter(({ signal }) => !signal.startsWith('containerfs.'));
  return others.flatMap((threshold) => {
    const signal = copies[threshold.signal];
    return signal === undefined ? [threshold] : [threshold, { ...threshold, signal }];
  });
}

export function isHard({ gracePeriodMs }: Threshold): boolean {
  return gracePeriodMs === 0;
}

export function isMet(threshold: Threshold, observed: Observation, withReclaim: boolean): boolean {
  const { value, minimumReclaim } = threshold;
  const reclaim = withReclaim && minimumReclaim !== undefined ? units(minimumReclaim, observed) : 0;
  return units(value, observed) + reclaim > observed.available;
}

/** As messages write it: as it was configured, or what the percentage comes to. */
export function formatThreshold({ value }: Threshold, observed: Observation): string {
  return 'quantity' in value ? formatQuantity(value.quantity) : amount(units(value, observed), 'BinarySI');
}

function units(value: ThresholdValue, { capacity }: Observation): number {
  if ('quantity' in value) return integerValue(formatQuantity(value.quantity));
  return Math.trunc(capacity * value.fraction);
}

type Statement = readonly [Signal, ThresholdValue];

function statements(setting: string, values: Readonly<Record<string, string>>): readonly Statement[] {
  return Object.entries(values).flatMap(([signal, text]): readonly Statement[] => {
    if (!isSignal(signal)) throw new Error(`${setting}: unsupported eviction signal ${signal}`);
    // All or nothing is no threshold.
    if (setting !== 'evictionMinimumReclaim' && (text === '0%' || text === '100%')) return [];
    return [[signal, parseValue(`${setting}[${signal}]`, text)]];
  });
}

function parseValue(where: string, text: string): ThresholdValue {
  if (text.endsWith('%')) return { fraction: parsePercentage(where, text) };
  let quantity: Quantity;
  try {
    quantity = parseQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) throw new Error(`${where}: "${text}": ${error.message}`, { cause: error });
    throw error;
  }
  const sign = compareQuantities(quantity, zero);
  if (sign < 0 || (sign === 0 && !where.startsWith('evictionMinimumReclaim'))) {
    throw new Error(`${where}: must be positive, not "${text}"`);
  }
  return { quantity };
}

/** In the precision that upstream counts in, so that messages name the same amounts. */
function parsePercentage(where: string, text: string): number {
  const digits = text.slice(0, -1);
  const percent = /^[0-9]+(\.[0-9]+)?$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(percent > 0 && percent <= 100)) {
    throw new Error(`${where}: must be a percentage above 0% and at most 100%, not "${text}"`);
  }
  return Math.fround(Math.fround(percent) / 100);
}

function graceOf(signal: Signal, periods: Readonly<Record<string, number>>): number {
  const periodMs = periods[signal];
  if (periodMs === undefined) {
    throw new Error(`evictionSoftGracePeriodMs: a grace period must be given for the soft threshold ${signal}`);
  }
  if (periodMs < 0) throw new Error(`evictionSoftGracePeriodMs[${signal}]: must not be negative, but is ${periodMs}`);
  return periodMs;
}
