/**
 * Expressions that say which devices are wanted (`device.attributes["gpu.example.com"].memory > 40`), by what upstream offers them:
 * `device.driver`, `device.allowMultipleAllocations`, and attributes and capacity by domain, then by name. Pure.
 *
 * A name without a domain is in its driver's. A domain that a device has nothing in is an empty map: asking for something in it fails as
 * for any missing key, and `has()` and `in` say so.
 */
import { type CelCompilation, compileCel } from '../../lib/cel/cel.ts';
import type { CelLibrary } from '../../lib/cel/library.ts';
import { Semver, versionLibrary } from '../../lib/cel/versions.ts';
import { parseVersion } from '../../lib/version.ts';
import { parseQuantity } from '../quantity.ts';
import type { Device, DeviceAttribute } from '../schema/types/resource-v1.ts';
import { QuantityValue, quantityLibrary } from './quantities.ts';

type Members = Record<string, unknown>;

class Domains extends Map<string, Members> {
  override get(domain: string): Members {
    return super.get(domain) ?? {};
  }
}

class SelectedDevice {
  readonly driver: string;
  readonly allowMultipleAllocations: boolean;
  readonly attributes: Domains;
  readonly capacity: Domains;

  constructor(driver: string, { attributes = {}, capacity = {}, allowMultipleAllocations = false }: Device) {
    this.driver = driver;
    this.allowMultipleAllocations = allowMultipleAllocations;
    this.attributes = byDomain(attributes, driver, attributeValue);
    this.capacity = byDomain(capacity, driver, ({ value }) => new QuantityValue(parseQuantity(value)));
  }
}

const deviceLibrary: CelLibrary = {
  name: 'devices',
  types: [
    { name: 'Domains', constructor: Domains },
    {
      name: 'Device',
      constructor: SelectedDevice,
      // `dyn`, since the language goes through lists and maps alone.
      fields: { driver: 'string', allowMultipleAllocations: 'bool', attributes: 'dyn', capacity: 'dyn' },
    },
  ],
  functions: {
    'size(Domains): int': (domains: Domains) => BigInt(domains.size),
    'Domains.size(): int': (domains: Domains) => BigInt(domains.size),
  },
  operators: { 'string in Domains': (domain: string, domains: Domains) => domains.has(domain) },
};

const options = {
  variables: { device: 'Device' },
  libraries: [quantityLibrary, versionLibrary, deviceLibrary],
};

export type DeviceMatch = { readonly matches: boolean } | { readonly error: string };

export type DeviceSelectorProgram =
  | {
      readonly kind: 'selector';
      /** `spent` learns what it cost. */
      readonly match: (driver: string, device: Device, spent?: (cost: number) => void) => DeviceMatch;
    }
  | { readonly kind: 'error'; readonly message: string };

export function compileDeviceSelector(expression: string): DeviceSelectorProgram {
  const compiled: CelCompilation = compileCel(expression, options);
  if (compiled.kind === 'error') return { kind: 'error', message: `compilation failed: ${compiled.error.text}` };
  const { program } = compiled;
  if (program.type !== 'bool' && program.type !== 'dyn') {
    return { kind: 'error', message: `must evaluate to bool or the unknown type, not ${program.type}` };
  }
  return {
    kind: 'selector',
    match(driver, device, spent) {
      const result = program.evaluate({ device: new SelectedDevice(driver, device) }, spent);
      if (result.kind === 'error') return { error: result.message };
      if (typeof result.value === 'boolean') return { matches: result.value };
      return { error: 'CEL result could not be converted to bool' };
    },
  };
}

function byDomain<T>(members: Readonly<Record<string, T>>, driver: string, valueOf: (member: T) => unknown): Domains {
  const domains = new Domains();
  for (const [name, member] of Object.entries(members)) {
    const slash = name.indexOf('/');
    const domain = slash < 0 ? driver : name.slice(0, slash);
    const known = domains.get(domain);
    known[name.slice(slash + 1)] = valueOf(member);
    domains.set(domain, known);
  }
  return domains;
}

/** Absent where it is of no kind known here: asking for it then fails. */
function attributeValue({ int, bool, string, version }: DeviceAttribute): unknown {
  if (int !== undefined) return BigInt(int);
  const parsed = version === undefined ? undefined : parseVersion(version);
  return bool ?? string ?? (parsed && new Semver(parsed));
}
