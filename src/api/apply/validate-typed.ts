/** Whether a value fits its type, as upstream checks what is applied: every violation, in upstream's words. */
import { limits } from '../../lib/limits.ts';
import type { JsonValue } from '../object.ts';
import { goText } from '../patch/json-tree.ts';
import { atomFor, formOf, type ListAtom, type MapAtom, type ScalarForm, type TypeAtom } from './atom.ts';
import { goSyntax, goType } from './go-text.ts';
import { itemElement, TypedError } from './list-items.ts';
import { elementText, fieldElement, indexElement, type PathElement } from './path-element.ts';

interface Walk {
  readonly allowDuplicates: boolean;
  readonly path: PathElement[];
  readonly errors: string[];
}

/** @throws TypedError */
export function validateTyped(atom: TypeAtom, value: JsonValue, { allowDuplicates = false } = {}): void {
  const walk: Walk = { allowDuplicates, path: [], errors: [] };
  validate(walk, atom, value);
  const { errors } = walk;
  if (errors.length > 0) {
    throw new TypedError(
      errors.length === 1 ? errors[0] : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n'),
    );
  }
}

function report({ path, errors }: Walk, message: string): void {
  const where = path.map(elementText).join('');
  errors.push(where === '' ? message : `${where}: ${message}`);
}

function validate(walk: Walk, declared: TypeAtom, value: JsonValue): void {
  const atom = atomFor(declared, value);
  if (walk.path.length > limits.nestingDepthMax) return report(walk, 'exceeded max depth');
  switch (formOf(atom)) {
    case 'map':
      return validateMap(walk, atom.map as MapAtom, value);
    case 'list':
      return validateList(walk, atom.list as ListAtom, value);
    case 'scalar': {
      const problem = scalarProblem(atom.scalar as ScalarForm, value);
      if (problem !== undefined) report(walk, problem);
    }
  }
}

function scalarProblem(form: ScalarForm, value: JsonValue): string | undefined {
  if (value === null) return undefined;
  switch (form) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'untyped':
      return typeof value === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined;
  }
}

function validateMap(walk: Walk, map: MapAtom, value: JsonValue): void {
  if (value === null) return;
  if (typeof value !== 'object' || Array.isArray(value)) return report(walk, `expected map, got &{${goText(value)}}`);
  for (const name of Object.keys(value)) {
    walk.path.push(fieldElement(name));
    const atom = map.field(name);
    if (atom) validate(walk, atom, value[name] as JsonValue);
    else report(walk, 'field not declared in schema');
    walk.path.pop();
  }
}

function validateList(walk: Walk, list: ListAtom, value: JsonValue): void {
  if (value === null) return;
  if (!Array.isArray(value)) return report(walk, `expected list, got &{${goText(value)}}`);
  const seen = walk.allowDuplicates ? undefined : new Set<string>();
  for (const [i, item] of value.entries()) {
    const element = list.atomic ? indexElement(i) : elementOf(walk, list, item, i);
    if (!element) return;
    if (seen?.has(element.key)) report(walk, `duplicate entries for key ${elementText(element)}`);
    seen?.add(element.key);
    walk.path.push(element);
    validate(walk, list.element, item);
    walk.path.pop();
  }
}

/** Undefined, and reported, where the item has no key: nothing in this list can be named then. */
function elementOf(walk: Walk, list: ListAtom, item: JsonValue, index: number): PathElement | undefined {
  try {
    return itemElement(list, item);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    report(walk, `element ${index}: ${error.message}`);
    return undefined;
  }
}
