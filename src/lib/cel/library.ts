/** Types and functions that an environment knows beyond those that all have, as data: whoever needs them brings them along. */
import type { Environment } from '@marcbachmann/cel-js';

export interface CelLibrary {
  /** Two libraries with one name are the same. */
  readonly name: string;
  readonly types?: readonly CelLibraryType[];
  /** By signature: `quantity(string): Quantity`, `Quantity.sign(): int`. */
  readonly functions?: Readonly<Record<string, (...args: never[]) => unknown>>;
  /** By signature: `Quantity == Quantity`. */
  readonly operators?: Readonly<Record<string, Operator>>;
}

type Operator = (left: never, right: never) => unknown;

interface CelLibraryType {
  readonly name: string;
  readonly constructor: new (...args: never[]) => object;
  /** Each with its type; where absent, whatever an object has, as `dyn`. */
  readonly fields?: Readonly<Record<string, string>>;
}

export function registerLibrary(env: Environment, { types = [], functions = {}, operators = {} }: CelLibrary): void {
  for (const { name, constructor: ctor, fields } of types) {
    if (fields === undefined) env.registerType(name, ctor);
    else env.registerType(name, { ctor, fields: { ...fields } });
  }
  for (const [signature, handler] of Object.entries(functions)) env.registerFunction(signature, handler);
  for (const [signature, handler] of Object.entries(operators)) {
    env.registerOperator(signature, handler as Parameters<Environment['registerOperator']>[1]);
  }
}
