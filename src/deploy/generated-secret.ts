/**
 * Secrets that stand in no file: a Secret annotated `naru.io/generate: postgres,redis` gets random values under these keys when it is applied for the first time, and
 * keeps them ever after. To have new ones, delete it and apply again.
 */
import { randomBytes } from 'node:crypto';
import type { KubeObject } from '../api/object.ts';
import type { Secret } from '../api/schema/types/core-v1.ts';

export const generateAnnotation = 'naru.io/generate';

type Values = Pick<Secret, 'data' | 'stringData'>;

/** 192 bits, as text that needs no quoting anywhere. */
const valueBytes = 24;

/** What is to be applied; the object itself where nothing is to be generated. @param live the object in the cluster */
export function withGenerated(object: KubeObject & Values, live: (KubeObject & Values) | undefined): KubeObject {
  const wanted = object.kind === 'Secret' ? object.metadata?.annotations?.[generateAnnotation] : undefined;
  const keys = (wanted ?? '').split(',').map((key) => key.trim());
  const { data = {}, stringData = {} } = object;
  const missing = keys.filter((key) => key !== '' && !(key in data) && !(key in stringData));
  if (missing.length === 0) return object;
  const kept = live?.data ?? {};
  const generated = missing.map((key) => [key, kept[key] ?? freshValue()]);
  const whole: KubeObject & Values = { ...object, data: { ...data, ...Object.fromEntries(generated) } };
  return whole;
}

const freshValue = (): string => Buffer.from(randomBytes(valueBytes).toString('hex')).toString('base64');
