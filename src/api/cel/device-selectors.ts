/**
 * Expressions that say which devices are wanted (`device.attributes["gpu.example.com"].memory > 40`), by what upstream offers them:
 * `device.driver`, `device.allowMultipleAllocations`, and attributes and capacity by domain, then by name. Pure.
 *
 * A name without a domain is in its driver's. A domain that a device has nothing in is an empty map: asking for something in it fails as
 * for any missing key, and `has()` and `in` say so.
 */
import { celEnvironment } from '../../lib/cel/environment.ts';
import { nameOfType } from '../../lib/cel/type-names.ts';
import { type CelType, celTypes } from '../../lib/cel/types.ts';
import { CelMap, CelRecord, type CelValue } from '../../lib/cel/values.ts';
import { parseVersion } from '../../lib/version.ts';
import { parseQuantity } from '../quantity.ts';
import type { Device, DeviceAttribute } from '../schema/types/resource-v1.ts';
import { kubernetesLibraries } from './libraries/index.ts';
import { QuantityValue } from './libraries/quantity.ts';
import { SemverValue } from './libraries/semver.ts';

const { bool, string, dyn, map, object, opaque } = celTypes;

const typeName = 'kubernetes.DRADevice';

const deviceType: CelType = object(typeName, {
  driver: string,
  allowMultipleAllocations: bool,
  attributes: map(string, map(string, dyn)),
  capacity: map(string, map(string, opaque('kubernetes.Quantity'))),
});

const environment = celEnvironment({ variables: { device: deviceType }, libraries: kubernetesLibraries });

class Members extends CelMap {
  readonly #values = new Map<string, CelValue>();

  set(name: string, value: CelValue): void {
    this.#values.set(name, value);
  }

  get size(): number {
    return this.#values.size;
  }

  get(name: CelValue): CelValue | undefined {
    return typeof name === 'string' ? this.#values.get(name) : undefined;
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }
}

const nothing = new Members();

/** What it has nothing of is empty; `in` and `size` know better. */
class Domains extends CelMap {
  readonly #domains = new Map<string, Members>();

  add(domain: string, name: string, value: CelValue): void {
    const members = this.#domains.get(domain) ?? new Members();
    members.set(name, value);
    this.#domains.set(domain, members);
  }

  get size(): number {
    return this.#domains.size;
  }

  get(domain: CelValue): CelValue {
    return (typeof domain === 'string' ? this.#domains.get(domain) : undefined) ?? nothing;
  }

  override has(domain: CelValue): boolean {
    return typeof domain === 'string' && this.#domains.has(domain);
  }

  keys(): Iterable<string> {
    return this.#domains.keys();
  }
}

/** A field is made when an expression reads it. */
class SelectedDevice extends CelRecord {
  readonly typeName = typeName;
  readonly #fields: ReadonlyMap<string, () => CelValue>;

  constructor(driver: string, { attributes = {}, capacity = {}, allowMultipleAllocations = false }: Device) {
    super();
    this.#fields = new Map<string, () => CelValue>([
      ['driver', () => driver],
      ['allowMultipleAllocations', () => allowMultipleAllocations],
      ['attributes', () => byDomain(attributes, driver, attributeValue)],
      ['capacity', () => byDomain(capacity, driver, ({ value }) => new QuantityValue(parseQuantity(value)))],
    ]);
  }

  get(field: string): CelValue | undefined {
    return this.#fields.get(field)?.();
  }

  fieldNames(): Iterable<string> {
    return this.#fields.keys();
  }
}

export type DeviceMatch = { readonly matches: boolean } | { readonly error: string };

export type DeviceSelectorProgram =
  | {
      readonly kind: 'selector';
      /** `spent` learns what it cost. */
      readonly match: (driver: string, device: Device, spent?: (cost: number) => void) => DeviceMatch;
    }
  | { readonly kind: 'error'; readonly message: string };

export function compileDeviceSelector(expression: string): DeviceSelectorProgram {
  const compiled = environment.compile(expression);
  if (compiled.kind === 'error') return { kind: 'error', message: `compilation failed: ${compiled.error.text}` };
  const { program } = compiled;
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn') {
    return { kind: 'error', message: `must evaluate to bool or the unknown type, not ${nameOfType(program.type)}` };
  }
  return {
    kind: 'selector',
    match(driver, device, spent) {
      const result = program.evaluate({ device: new SelectedDevice(driver, device) });
      spent?.(result.cost);
      if (result.kind === 'error') return { error: result.message };
      if (typeof result.value === 'boolean') return { matches: result.value };
      return { error: 'CEL result could not be converted to bool' };
    },
  };
}

function byDomain<T>(
  members: Readonly<Record<string, T>>,
  driver: string,
  valueOf: (member: T) => CelValue | undefined,
): Domains {
  const domains = new Domains();
  for (const [name, member] of Object.entries(members)) {
    const slash = name.indexOf('/');
    const value = valueOf(member);
    if (value !== undefined) domains.add(slash < 0 ? driver : name.slice(0, slash), name.slice(slash + 1), value);
  }
  return domains;
}

/** Absent where it is of no kind known here: asking for it then fails. */
function attributeValue({ int, bool: isTrue, string: text, version }: DeviceAttribute): CelValue | undefined {
  if (int !== undefined) return BigInt(int);
  const parsed = version === undefined ? undefined : parseVersion(version);
  return isTrue ?? text ?? (parsed && new SemverValue(parsed));
}
