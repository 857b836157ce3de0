/**
 * The types of an expression, by cel-go's rules: each call is resolved to the overloads that its arguments may fit, type parameters are
 * bound on the way, and what fits nothing is an issue with its place. What the values alone can tell is `dyn`.
 */
import { areAssignable, type Bindings, isAssignable, isSameType, mostGeneral, substituted } from './assignability.ts';
import {
  type Call,
  type Comprehension,
  type Expr,
  type ListLiteral,
  literalText,
  type MapLiteral,
  type Select,
  type StructLiteral,
} from './ast.ts';
import { instanceOf, literalType, optionalOf } from './checker-types.ts';
import { type Declarations, type Overload, typeConstant } from './functions-table.ts';
import type { Issue } from './issues.ts';
import { qualifiedName } from './parser.ts';
import { nameOfType } from './type-names.ts';
import type { CelObjectType, CelType } from './types.ts';
import type { CelValue } from './values.ts';

export interface Scope extends Declarations {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly typeByName: (name: string) => CelType | undefined;
}

export interface Checked {
  readonly type: CelType;
  readonly issues: readonly Issue[];
  readonly types: ReadonlyMap<Expr, CelType>;
  /** Of calls: what they may mean. The target is an argument of a method; of a function whose name has dots it is none. */
  readonly overloads: ReadonlyMap<Call, readonly Overload[]>;
  /** Names that stand for values: of types, of enumerations. */
  readonly constants: ReadonlyMap<Expr, CelValue>;
  /** Names with dots that are one variable. */
  readonly qualified: ReadonlyMap<Expr, string>;
  readonly structs: ReadonlyMap<StructLiteral, CelObjectType>;
}

const dyn: CelType = { kind: 'dyn' };
const bool: CelType = { kind: 'bool' };
/** Of what is an issue already: it fits everything. */
const failed: CelType = { kind: 'dyn' };

export function checked(expr: Expr, scope: Scope): Checked {
  const checker = new Checker(scope);
  checker.type(expr);
  return checker.outcome(expr);
}

class Checker {
  readonly #scope: Scope;
  readonly #locals: { readonly name: string; readonly type: CelType }[] = [];
  readonly #bindings: Bindings = new Map();
  readonly #issues: Issue[] = [];
  readonly #types = new Map<Expr, CelType>();
  readonly #overloads = new Map<Call, readonly Overload[]>();
  readonly #constants = new Map<Expr, CelValue>();
  readonly #qualified = new Map<Expr, string>();
  readonly #structs = new Map<StructLiteral, CelObjectType>();
  #fresh = 0;
  /** Above zero: within what is formatted, where lists and maps may mix types. */
  #mixed = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  outcome(root: Expr): Checked {
    for (const [expr, type] of this.#types) this.#types.set(expr, substituted(this.#bindings, type, true));
    return {
      type: this.#types.get(root) ?? dyn,
      issues: this.#issues,
      types: this.#types,
      overloads: this.#overloads,
      constants: this.#constants,
      qualified: this.#qualified,
      structs: this.#structs,
    };
  }

  type(expr: Expr): CelType {
    const known = this.#types.get(expr);
    if (known !== undefined) return known;
    const type = this.#typeOf(expr);
    this.#types.set(expr, type);
    return type;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value);
      case 'ident':
        return this.#ident(expr, expr.name) ?? this.#issue(expr, undeclared(expr.name.replace(/^\./, '')));
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #issue({ at }: { readonly at: number }, message: string): CelType {
    this.#issues.push({ at, message });
    return failed;
  }

  /** As far as it is known by now. */
  #known(type: CelType): CelType {
    return substituted(this.#bindings, type, false);
  }

  #shown(type: CelType): string {
    return nameOfType(substituted(this.#bindings, type, true));
  }

  #ident(expr: Expr, name: string): CelType | undefined {
    const local = name.startsWith('.') ? undefined : this.#locals.findLast((each) => each.name === name);
    if (local !== undefined) return local.type;
    const plain = name.replace(/^\./, '');
    const variable = this.#scope.variables.get(plain);
    if (variable !== undefined) return variable;
    const constant = this.#scope.constants.get(plain) ?? this.#namedType(plain);
    if (constant === undefined) return undefined;
    this.#constants.set(expr, constant.value);
    return constant.type;
  }

  #namedType(name: string): { readonly type: CelType; readonly value: CelValue } | undefined {
    return this.#scope.typeByName(name) === undefined ? undefined : typeConstant(name);
  }

  #select(expr: Select): CelType {
    const name = qualifiedName(expr);
    if (name !== undefined && !this.#locals.some((each) => each.name === name.split('.')[0])) {
      const type = this.#ident(expr, name);
      if (type !== undefined) {
        if (!this.#constants.has(expr)) this.#qualified.set(expr, name);
        return type;
      }
    }
    const operand = this.#known(this.type(expr.operand));
    const type = this.#field(expr, operand, expr.field);
    return expr.isTest ? bool : type;
  }

  #field(at: { readonly at: number }, operand: CelType, field: string): CelType {
    if (operand.kind === 'map') return operand.value;
    if (operand.kind === 'object')
      return operand.fields.get(field)?.type ?? this.#issue(at, `undefined field '${field}'`);
    if (operand.kind === 'optional') return optionalOf(this.#field(at, this.#known(operand.of), field));
    if (operand.kind === 'dyn') return operand;
    if (operand.kind !== 'parameter')
      return this.#issue(at, `type '${this.#shown(operand)}' does not support field selection`);
    // What it is, nobody said: it may be anything that has fields.
    isAssignable(this.#bindings, operand, dyn);
    return dyn;
  }

  #call(expr: Call): CelType {
    if (expr.name === '_?._') return this.#optionalSelect(expr);
    const { target, name } = expr;
    const prefix = target === undefined ? undefined : qualifiedName(target);
    const dotted = prefix === undefined ? undefined : this.#scope.functions.get(`${prefix}.${name}`);
    if (dotted !== undefined) {
      const functions = dotted.filter(({ isMember }) => !isMember);
      return this.#resolved(expr, `${prefix}.${name}`, functions, this.#typesOf(expr.args), false);
    }
    const isMember = target !== undefined;
    const types = this.#argumentTypes(expr);
    const known = this.#scope.functions.get(name);
    if (known === undefined) return this.#issue(expr, undeclared(name));
    const overloads = known.filter((overload) => overload.isMember === isMember);
    if (name === '_&&_' || name === '_||_') return this.#logical(expr, overloads);
    return this.#resolved(expr, name, overloads, types, isMember);
  }

  /** The receiver's first. */
  #argumentTypes({ name, target, args }: Call): readonly CelType[] {
    if (target === undefined) return this.#typesOf(args);
    const isFormat = name === 'format';
    if (isFormat) this.#mixed++;
    const types = this.#typesOf([target, ...args]);
    if (isFormat) this.#mixed--;
    return types;
  }

  #typesOf(exprs: readonly Expr[]): readonly CelType[] {
    return exprs.map((each) => this.type(each));
  }

  #resolved(
    expr: Call,
    name: string,
    overloads: readonly Overload[],
    types: readonly CelType[],
    isMember: boolean,
  ): CelType {
    const chosen: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      const { parameters, result: type } = instanceOf(overload, `#${this.#fresh++}`);
      if (!areAssignable(this.#bindings, types, parameters)) continue;
      chosen.push(overload);
      const bound = this.#known(type);
      result = result === undefined || isSameType(result, bound) ? bound : dyn;
    }
    this.#overloads.set(expr, chosen);
    if (result !== undefined) return result;
    if (types.some((type) => type === failed)) return failed;
    const shown = types.map((type) => this.#shown(type));
    const [receiver = '', ...rest] = shown;
    const applied = isMember ? `${receiver}.(${rest.join(', ')})` : `(${shown.join(', ')})`;
    return this.#issue(expr, `found no matching overload for '${name}' applied to '${applied}'`);
  }

  /** Each side is told by itself. */
  #logical(expr: Call, overloads: readonly Overload[]): CelType {
    for (const arg of expr.args) this.#expect(arg, bool);
    this.#overloads.set(expr, overloads);
    return bool;
  }

  /** Of `a.?b`. */
  #optionalSelect(expr: Call): CelType {
    const [operand, field] = expr.args as readonly [Expr, Expr];
    const type = this.#known(this.type(operand));
    this.#types.set(field, { kind: 'string' });
    return optionalOf(this.#field(expr, type, literalText(field)));
  }

  #list(expr: ListLiteral): CelType {
    let joined: CelType | undefined;
    for (const { value, isOptional } of expr.elements) {
      const type = isOptional ? this.#unwrapped(value) : this.type(value);
      joined = this.#joined(value, joined, type);
    }
    return { kind: 'list', element: joined ?? this.#freshParameter() };
  }

  #map(expr: MapLiteral): CelType {
    let [key, value]: readonly (CelType | undefined)[] = [];
    for (const entry of expr.entries) {
      key = this.#joined(entry.key, key, this.type(entry.key));
      value = this.#joined(
        entry.value,
        value,
        entry.isOptional ? this.#unwrapped(entry.value) : this.type(entry.value),
      );
    }
    return { kind: 'map', key: key ?? this.#freshParameter(), value: value ?? this.#freshParameter() };
  }

  #freshParameter(): CelType {
    return { kind: 'parameter', name: `#${this.#fresh++}` };
  }

  /** Of an entry with `?`: what the optional value holds. */
  #unwrapped(value: Expr): CelType {
    const type = this.#known(this.type(value));
    if (type.kind === 'optional') return type.of;
    if (type.kind === 'dyn') return dyn;
    return this.#issue(value, `expected type 'optional_type(${this.#shown(type)})' but found '${this.#shown(type)}'`);
  }

  #joined(expr: Expr, previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    if (isAssignable(this.#bindings, previous, current))
      return mostGeneral(this.#known(previous), this.#known(current));
    if (this.#mixed > 0) return dyn;
    return this.#issue(expr, `expected type '${this.#shown(previous)}' but found '${this.#shown(current)}'`);
  }

  #struct(expr: StructLiteral): CelType {
    const type = this.#scope.typeByName(expr.name);
    for (const { value } of expr.fields) this.type(value);
    if (type === undefined) return this.#issue(expr, undeclared(expr.name));
    if (type.kind !== 'object') return this.#issue(expr, `'${expr.name}' is not a message type`);
    this.#structs.set(expr, type);
    for (const { name, value, at, isOptional } of expr.fields) this.#structField(type, name, value, at, isOptional);
    return type;
  }

  #structField(type: CelObjectType, name: string, value: Expr, at: number, isOptional: boolean): void {
    const wanted = type.fields.get(name)?.type;
    if (wanted === undefined) {
      this.#issue({ at }, `undefined field '${name}'`);
      return;
    }
    const found = isOptional ? this.#unwrapped(value) : this.type(value);
    if (isAssignable(this.#bindings, found, wanted)) return;
    const [shown, expected] = [this.#shown(found), this.#shown(wanted)];
    this.#issue({ at }, `expected type of field '${name}' is '${expected}' but provided type is '${shown}'`);
  }

  #comprehension(expr: Comprehension): CelType {
    const range = this.#known(this.type(expr.range));
    const init = this.type(expr.init);
    const [first, second] = this.#iterated(expr, range);
    const depth = this.#locals.length;
    this.#locals.push({ name: expr.accumulator, type: init });
    this.#locals.push({ name: expr.variable, type: first });
    if (expr.variable2 !== undefined) this.#locals.push({ name: expr.variable2, type: second });
    this.#expect(expr.condition, bool);
    this.#expect(expr.step, init);
    this.#locals.length = depth + 1;
    const result = this.type(expr.result);
    this.#locals.length = depth;
    return this.#known(result);
  }

  /** Of the one variable, or of both. */
  #iterated({ range, variable2 }: Comprehension, type: CelType): readonly [CelType, CelType] {
    if (type.kind === 'list') return [variable2 === undefined ? type.element : { kind: 'int' }, type.element];
    if (type.kind === 'map') return [type.key, type.value];
    if (type.kind === 'dyn' || type.kind === 'parameter') return [dyn, dyn];
    const message = `expression of type '${this.#shown(type)}' cannot be range of a comprehension`;
    const issue = this.#issue(range, `${message} (must be list, map, or dynamic)`);
    return [issue, issue];
  }

  #expect(expr: Expr, wanted: CelType): void {
    const type = this.type(expr);
    if (isAssignable(this.#bindings, type, wanted)) return;
    this.#issue(expr, `expected type '${this.#shown(wanted)}' but found '${this.#shown(type)}'`);
  }
}

const undeclared = (name: string): string => `undeclared reference to '${name}' (in container '')`;
