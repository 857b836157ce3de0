/** Compose's durations and sizes in Kubernetes' units. */
import { ManifestError } from '../../manifests/source-object.ts';
import type { Amount } from '../model.ts';

const unitSeconds: Readonly<Record<string, number>> = {
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** Seconds of `1m30s`. @throws ManifestError */
export function seconds(text: string, where: string): number {
  if (/^0+$/.test(text)) return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new ManifestError(`${where}: ${JSON.stringify(text)} must be a duration such as 10s or 1m30s`);
  }
  return parts.reduce((sum, [, value, unit = 's']) => sum + Number(value) * (unitSeconds[unit] ?? 1), 0);
}

/** Kubernetes counts probes and grace in whole seconds, from one on. */
export const wholeSeconds = (text: string, where: string): number => Math.max(1, Math.ceil(seconds(text, where)));

const powers: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4 };

/** Bytes of `512m`: all units are powers of 1024. Undefined: no bound is meant. @throws ManifestError */
export function bytes(amount: Amount, where: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)\s*(?:([bkmgt])(?:i?b)?)?$/i.exec(String(amount).trim());
  if (match === null) {
    throw new ManifestError(`${where}: ${JSON.stringify(amount)} must be a size such as 512m or 2g`);
  }
  const value = Number(match[1]) * 1024 ** (powers[(match[2] ?? '').toLowerCase()] ?? 0);
  return value <= 0 ? undefined : Math.ceil(value);
}

/** `512Mi`. */
export function memory(amount: Amount | undefined, where: string): string | undefined {
  const value = amount === undefined ? undefined : bytes(amount, where);
  if (value === undefined) return undefined;
  const unit = (['Gi', 'Mi', 'Ki'] as const).find((_, index) => value % 1024 ** (3 - index) === 0);
  return unit === undefined ? String(value) : `${value / 1024 ** { Gi: 3, Mi: 2, Ki: 1 }[unit]}${unit}`;
}

/** `500m`. */
export function cpu(amount: Amount | undefined, where: string): string | undefined {
  if (amount === undefined) return undefined;
  const value = number(amount, where);
  if (value <= 0) return undefined;
  return Number.isInteger(value) ? String(value) : `${Math.max(1, Math.round(value * 1000))}m`;
}

/** @throws ManifestError */
export function number(amount: Amount, where: string): number {
  const value = Number(amount);
  if (Number.isFinite(value) && String(amount).trim() !== '') return value;
  throw new ManifestError(`${where}: ${JSON.stringify(amount)} must be a number`);
}

/** @throws ManifestError */
export function wholeNumber(amount: Amount, where: string): number {
  const value = number(amount, where);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ManifestError(`${where}: ${JSON.stringify(amount)} must be a whole number`);
}
