/**
 * What a claim uses up of a device's capacity, by the device's policy (KEP-5075): what it asks for, rounded up to what the policy allows; or,
 * where it asks for nothing, the policy's default, or else all. Pure; amounts are in nano units.
 */
import { canonicalQuantity, formatQuantity, parseQuantity } from '../../api/quantity.ts';
import type { CapacityRequestPolicy, DeviceCapacity } from '../../api/schema/types/resource-v1.ts';

export type Amounts = ReadonlyMap<string, bigint>;

type Asked = Readonly<Record<string, string>> | undefined;
type Capacity = Readonly<Record<string, DeviceCapacity>> | undefined;

export const nano = (quantity: string): bigint => parseQuantity(quantity).nano;

/** Undefined where the device cannot give so much, so little, or not in such pieces. */
export function consumptionOf(asked: Asked, capacity: Capacity): ReadonlyMap<string, string> | undefined {
  for (const name in asked) if (capacity?.[name] === undefined) return undefined;
  const consumed = new Map<string, string>();
  for (const name in capacity) {
    const { value, requestPolicy } = capacity[name] as DeviceCapacity;
    const amount = consumedOf(asked?.[name], value, requestPolicy);
    if (violates(amount, requestPolicy) || nano(amount) > nano(value)) return undefined;
    consumed.set(name, amount);
  }
  return consumed;
}

function consumedOf(asked: string | undefined, value: string, policy: CapacityRequestPolicy | undefined): string {
  if (asked === undefined) return policy?.default ?? value;
  const { validRange, validValues } = policy ?? {};
  if (validRange !== undefined) return roundedUp(asked, validRange);
  return validValues?.find((valid) => nano(asked) <= nano(valid)) ?? canonicalQuantity(asked);
}

function roundedUp(asked: string, { min, step }: NonNullable<CapacityRequestPolicy['validRange']>): string {
  if (nano(asked) < nano(min)) return min;
  if (step === undefined) return canonicalQuantity(asked);
  const beyond = nano(asked) - nano(min);
  const steps = (beyond + nano(step) - 1n) / nano(step);
  return formatQuantity({ nano: nano(min) + steps * nano(step), format: 'BinarySI' });
}

function violates(amount: string, policy: CapacityRequestPolicy | undefined): boolean {
  const { validRange, validValues, default: usual } = policy ?? {};
  const given = nano(amount);
  if (usual !== undefined && given === nano(usual)) return false;
  if (validRange !== undefined) {
    const { min, max, step } = validRange;
    return (max !== undefined && given > nano(max)) || (step !== undefined && (given - nano(min)) % nano(step) !== 0n);
  }
  return (validValues?.length ?? 0) > 0 && !validValues?.some((valid) => nano(valid) === given);
}
