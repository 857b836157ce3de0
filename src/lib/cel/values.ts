/**
 * What expressions work on. `null`, booleans and texts are JavaScript's; `int` is a bigint, `double` a number, a list an array of such
 * values, bytes a Uint8Array; the rest are the classes here. Values never change.
 *
 * A fault of an evaluation is thrown as `CelFault` and caught where the language absorbs errors (`||`, `&&`, `all`, `exists`) or by the
 * program, which gives it as a result.
 */
import type { CelObjectType } from './types.ts';

export type CelValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | Uint8Array
  | readonly CelValue[]
  | CelUint
  | CelTimestamp
  | CelDuration
  | CelMap
  | CelRecord
  | CelOptional
  | CelTypeValue
  | CelOpaque;

/** An error in the values: it becomes the result's message. Without a stack, which would cost more than the evaluation. */
export class CelFault extends Error {
  override name = 'CelFault';

  constructor(message: string, options?: ErrorOptions) {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = before;
  }
}

/** Nothing absorbs it. */
export class CelCostFault extends CelFault {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** @throws CelFault always */
export function fault(message: string): never {
  throw new CelFault(message);
}

export class CelUint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

export class CelTimestamp {
  /** Since 1970 UTC. */
  readonly nanoseconds: bigint;
  /** Of the zone that it was written in; only its text shows it. */
  readonly offsetMinutes: number;

  constructor(nanoseconds: bigint, offsetMinutes = 0) {
    this.nanoseconds = nanoseconds;
    this.offsetMinutes = offsetMinutes;
  }
}

export class CelDuration {
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** A type as a value: what `type(x)` gives and `int` means. */
export class CelTypeValue {
  readonly typeName: string;

  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

export class CelOptional {
  static readonly none = new CelOptional(undefined);
  readonly #value: CelValue | undefined;

  private constructor(value: CelValue | undefined) {
    this.#value = value;
  }

  static of(value: CelValue): CelOptional {
    return new CelOptional(value);
  }

  static from(value: CelValue | undefined): CelOptional {
    return value === undefined ? CelOptional.none : new CelOptional(value);
  }

  /** Undefined: there is none. */
  get value(): CelValue | undefined {
    return this.#value;
  }
}

/** A map: keys are booleans, ints, uints and texts (doubles only where they are whole). */
export abstract class CelMap {
  abstract readonly size: number;
  /** Undefined where there is none. */
  abstract get(key: CelValue): CelValue | undefined;
  abstract keys(): Iterable<CelValue>;

  has(key: CelValue): boolean {
    return this.get(key) !== undefined;
  }
}

/** An object with named fields: of JSON by a declared type, or what a program brings along (`variables` of a policy, made when read). */
export abstract class CelRecord {
  abstract readonly typeName: string;
  /** Undefined where it has none, or where it is not set. */
  abstract get(field: string): CelValue | undefined;
  abstract fieldNames(): Iterable<string>;

  /** For costs only. */
  get celSize(): number {
    return 1;
  }

  has(field: string): boolean {
    return this.get(field) !== undefined;
  }
}

/** A record that an expression wrote: `JSONPatch{op: 'add'}`. Unset fields are absent. */
export class CelMessage extends CelRecord {
  readonly type: CelObjectType;
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, CelValue>;

  constructor(type: CelObjectType, fields: ReadonlyMap<string, CelValue>) {
    super();
    this.type = type;
    this.typeName = type.name;
    this.fields = fields;
  }

  get(field: string): CelValue | undefined {
    return this.fields.get(field);
  }

  fieldNames(): Iterable<string> {
    return this.fields.keys();
  }
}

/** A value of a library's type. */
export abstract class CelOpaque {
  abstract readonly typeName: string;

  /** `other` is of the same class. */
  abstract equals(other: this): boolean;

  /** For costs only. */
  get celSize(): number {
    return 1;
  }
}
