/** Taints of devices: which a toleration covers, as upstream's `ToleratesTaint` of dynamic resource allocation reads it. Pure. */
import type { DeviceTaint, DeviceToleration } from './schema/types/resource-v1.ts';

/** Without a key all keys are meant, without an effect all effects. Other than for nodes, `Equal` needs no key. */
export function toleratesDeviceTaint({ key, operator, value, effect }: DeviceToleration, taint: DeviceTaint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (value ?? '') === (taint.value ?? '');
}
