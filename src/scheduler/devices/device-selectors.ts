/**
 * Which devices an expression means, remembered: an expression is compiled once, and asked once about each form of a device, since
 * slices are frozen. An expression that is not used for long is forgotten with all that it said. What is not remembered is paid for.
 */
import { compileDeviceSelector, type DeviceMatch, type DeviceSelectorProgram } from '../../api/cel/device-selectors.ts';
import type { Device } from '../../api/schema/types/resource-v1.ts';
import { SharedValues } from '../../lib/shared-values.ts';
import { type Meter, stepsPer } from './meter.ts';

interface Known {
  readonly program: DeviceSelectorProgram;
  readonly matches: WeakMap<Device, DeviceMatch>;
}

/** Expressions that are remembered at least. */
const expressionsMax = 64;

export class DeviceSelectors {
  readonly #known = new SharedValues<Known>(expressionsMax);

  /** An error says whether it was the expression's fault or the device's. @throws SearchLimitError */
  match(expression: string, driver: string, device: Device, meter: Meter): DeviceMatch {
    const { program, matches } = this.#known.known(expression) ?? this.#compile(expression, meter);
    if (program.kind === 'error') return { error: `CEL compile error: ${program.message}` };
    const known = matches.get(device);
    if (known !== undefined) return known;
    let cost = 0;
    const found = program.match(driver, device, (spent) => {
      cost = spent;
    });
    const match = 'error' in found ? { error: `CEL runtime error: ${found.error}` } : found;
    matches.set(device, match);
    meter.spend(cost * stepsPer.evaluationCost);
    return match;
  }

  #compile(expression: string, meter: Meter): Known {
    meter.spend(expression.length * stepsPer.character);
    return this.#known.share(expression, { program: compileDeviceSelector(expression), matches: new WeakMap() });
  }
}
