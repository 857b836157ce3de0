/** What the devices of a claim must have in common (`matchAttribute`), or must not (`distinctAttribute`). */
import type { Device, DeviceAttribute, DeviceConstraint } from '../../api/schema/types/resource-v1.ts';
import type { Wish } from './wishes.ts';

/**
 * Once a device is refused, more devices in the set never make it acceptable: a search may stop there. Every `add` that succeeded is taken
 * back by one `remove`, last first.
 */
export interface Constraint {
  add(wish: Wish, driver: string, device: Device): boolean;
  remove(wish: Wish, driver: string, device: Device): void;
}

/** Undefined where it is of no kind known here. */
export function constraintOf(constraint: DeviceConstraint): Constraint | undefined {
  const { requests = [], matchAttribute, distinctAttribute } = constraint;
  const means = ({ request, name }: Wish): boolean =>
    requests.length === 0 || requests.includes(request) || requests.includes(name);
  if (matchAttribute) return new SameValue(means, matchAttribute);
  return distinctAttribute ? new OtherValues(means, distinctAttribute) : undefined;
}

type Means = (wish: Wish) => boolean;

class SameValue implements Constraint {
  readonly #means: Means;
  readonly #attribute: string;
  #value = '';
  #count = 0;

  constructor(means: Means, attribute: string) {
    this.#means = means;
    this.#attribute = attribute;
  }

  add(wish: Wish, driver: string, device: Device): boolean {
    if (!this.#means(wish)) return true;
    const value = valueOf(device, driver, this.#attribute);
    if (value === undefined || (this.#count > 0 && value !== this.#value)) return false;
    this.#value = value;
    this.#count++;
    return true;
  }

  remove(wish: Wish): void {
    if (this.#means(wish)) this.#count--;
  }
}

class OtherValues implements Constraint {
  readonly #means: Means;
  readonly #attribute: string;
  readonly #values = new Set<string>();

  constructor(means: Means, attribute: string) {
    this.#means = means;
    this.#attribute = attribute;
  }

  add(wish: Wish, driver: string, device: Device): boolean {
    if (!this.#means(wish)) return true;
    const value = valueOf(device, driver, this.#attribute);
    if (value === undefined || this.#values.has(value)) return false;
    this.#values.add(value);
    return true;
  }

  remove(wish: Wish, driver: string, device: Device): void {
    if (this.#means(wish)) this.#values.delete(valueOf(device, driver, this.#attribute) ?? '');
  }
}

/** With its kind, so that `1` and `"1"` differ. A name without a domain is in its driver's. */
function valueOf({ attributes }: Device, driver: string, name: string): string | undefined {
  const slash = name.indexOf('/');
  const isOwn = slash > 0 && name.slice(0, slash) === driver;
  const attribute = attributes?.[name] ?? (isOwn ? attributes?.[name.slice(slash + 1)] : undefined);
  return attribute && textOf(attribute);
}

function textOf({ string, int, bool, version }: DeviceAttribute): string | undefined {
  if (string !== undefined) return `string ${string}`;
  if (int !== undefined) return `int ${int}`;
  if (bool !== undefined) return `bool ${bool}`;
  // What stands behind the `+` does not count.
  return version === undefined ? undefined : `version ${version.split('+', 1)[0]}`;
}
