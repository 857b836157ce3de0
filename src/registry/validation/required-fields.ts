/**
 * The rules that the tables know of any kind: required texts that are empty, and values outside their enum.
 *
 * For kinds that have no validator of their own. It looks at what the client wants (not at metadata, nor at status), and only
 * asks for texts: a required number may be zero and a required list empty.
 */
import { notSupported, required } from '../../api/field-error.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Field, MessageType, Type } from '../../api/schema/schema.ts';
import type { FieldError } from '../../api/status-error.ts';

const skipped = new Set(['apiVersion', 'kind', 'metadata', 'status']);

export function validateByTable(type: MessageType, object: KubeObject): FieldError[] {
  const wanted = [...type.fieldsByName.values()].filter((field) => !skipped.has(field.name));
  return wanted.flatMap((field) => validateField('', field, (object as Record<string, unknown>)[field.name]));
}

function validateMessage(path: string, type: MessageType, value: unknown): FieldError[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const fields = value as Record<string, unknown>;
  return [...type.fieldsByName.values()].flatMap((field) => validateField(path, field, fields[field.name]));
}

function validateField(parent: string, field: Field, value: unknown): FieldError[] {
  if (field.inline) return [];
  const path = parent === '' ? field.name : `${parent}.${field.name}`;
  if (value === undefined || value === null || value === '') {
    const isText = field.type.kind === 'scalar' && field.type.scalar === 'string' && !field.enum?.includes('');
    return field.required && isText ? [required(path)] : [];
  }
  if (field.enum && typeof value === 'string' && !field.enum.includes(value)) {
    return [notSupported(path, value, field.enum)];
  }
  return validateValue(path, field.type, value);
}

function validateValue(path: string, type: Type, value: unknown): FieldError[] {
  switch (type.kind) {
    case 'message':
      return validateMessage(path, type.message, value);
    case 'list':
      if (!Array.isArray(value)) return [];
      return value.flatMap((item, index) => validateValue(`${path}[${index}]`, type.element, item));
    case 'map':
      return Object.entries(value as object).flatMap(([key, item]) =>
        validateValue(`${path}[${key}]`, type.value, item),
      );
    case 'scalar':
    case 'special':
      return [];
  }
}
