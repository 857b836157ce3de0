/** One walk over a value beside its schema: what upstream checks beside the keywords, by kind of rule. */
import { childPath, indexPath, keyPath } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { isObject } from '../../api/patch/json-tree.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { embeddedErrors } from './embedded.ts';
import { listErrors } from './list-types.ts';

export interface InnerErrors {
  readonly embedded: FieldError[];
  readonly lists: FieldError[];
}

/** Of a whole object, which itself is checked elsewhere. */
export function innerErrors(structural: Structural, object: JsonObject): InnerErrors {
  const errors: InnerErrors = { embedded: [], lists: [] };
  visitFields(errors, '', structural, object);
  return errors;
}

/** What is wrong with objects inside a value, and with itself where it is one. */
export function embeddedWithin(path: string, structural: Structural, value: JsonValue): FieldError[] {
  const errors: InnerErrors = { embedded: [], lists: [] };
  visit(errors, path, structural, value);
  return errors.embedded;
}

function visit(errors: InnerErrors, path: string, structural: Structural, value: JsonValue): void {
  if (typeof value !== 'object' || value === null) return;
  if (isObject(value)) {
    if (structural.embeddedResource) errors.embedded.push(...embeddedErrors(path, value));
    return visitFields(errors, path, structural, value);
  }
  errors.lists.push(...listErrors(path, structural, value));
  const { items } = structural;
  if (items === undefined) return;
  for (let i = 0; i < value.length; i++) {
    const item = value[i] as JsonValue;
    if (typeof item === 'object') visit(errors, indexPath(path, i), items, item);
  }
}

function visitFields(errors: InnerErrors, path: string, structural: Structural, object: JsonObject): void {
  for (const name of Object.keys(object)) {
    const value = object[name] as JsonValue;
    if (typeof value !== 'object' || value === null) continue;
    const property = structural.properties.get(name);
    if (property !== undefined) visit(errors, childPath(path, name), property, value);
    else if (typeof structural.additionalProperties === 'object')
      visit(errors, keyPath(path, name), structural.additionalProperties, value);
  }
}
