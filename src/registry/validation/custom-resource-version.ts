/** What a version of a custom resource has beside its schema: scale, columns, fields to select by. */
import { duplicate, invalidValue, required, tooMany } from '../../api/field-error.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
  CustomResourceValidation,
  JSONSchemaProps,
  SelectableField,
} from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { itemsOf, valuesOf } from './structural-schema.ts';

const selectableFieldsMax = 8;

export function validateSubresources(path: string, { scale }: CustomResourceSubresources = {}): FieldError[] {
  if (scale === undefined) return [];
  const { specReplicasPath: wanted, statusReplicasPath: seen, labelSelectorPath: selector } = scale;
  return [
    ...validateReplicasPath(`${path}.scale.specReplicasPath`, wanted, '.spec'),
    ...validateReplicasPath(`${path}.scale.statusReplicasPath`, seen, '.status'),
    ...(selector ? validateSelectorPath(`${path}.scale.labelSelectorPath`, selector) : []),
  ];
}

function validateReplicasPath(path: string, value: string | undefined, parent: string): FieldError[] {
  if (!value) return [required(path)];
  if (!value.startsWith('.')) return [invalidValue(path, value, 'must be a simple json path starting with .')];
  return value.startsWith(`${parent}.`) ? [] : [invalidValue(path, value, `should be a json path under ${parent}`)];
}

function validateSelectorPath(path: string, value: string): FieldError[] {
  if (!value.startsWith('.')) return [invalidValue(path, value, 'must be a simple json path starting with .')];
  if (value.startsWith('.spec.') || value.startsWith('.status.')) return [];
  return [invalidValue(path, value, 'should be a json path under either .spec or .status')];
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export function validateColumns(
  path: string,
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): FieldError[] {
  return (columns ?? []).flatMap(({ name, type, format, jsonPath }, index) => {
    const at = `${path}[${index}]`;
    const errors = name ? [] : [required(`${at}.name`)];
    const typeRule = `must be one of ${columnTypes.join(',')}`;
    if (!type) errors.push(required(`${at}.type`, typeRule));
    else if (!columnTypes.includes(type)) errors.push(invalidValue(`${at}.type`, type, typeRule));
    if (format && !columnFormats.includes(format)) {
      errors.push(invalidValue(`${at}.format`, format, `must be one of ${columnFormats.join(',')}`));
    }
    if (!jsonPath) errors.push(required(`${at}.JSONPath`));
    else if (!jsonPath.startsWith('.')) {
      errors.push(invalidValue(`${at}.JSONPath`, jsonPath, 'must be a simple json path starting with .'));
    }
    return errors;
  });
}

export function validateSelectable(
  path: string,
  fields: readonly SelectableField[] | undefined,
  validation: CustomResourceValidation | undefined,
): FieldError[] {
  if (!fields?.length) return [];
  const at = `${path}.selectableFields`;
  const schema = validation?.openAPIV3Schema;
  if (schema === undefined) {
    const why =
      path === 'spec'
        ? 'may only be set when validations.schema is included'
        : 'may only be set when `version.schema.openAPIV3Schema` is not included';
    return [invalidValue(at, '', why)];
  }
  const seen = new Set<string>();
  const errors = fields.flatMap(({ jsonPath }, index) =>
    validateSelectableField(`${at}[${index}].jsonPath`, jsonPath ?? '', schema, seen),
  );
  if (seen.size > selectableFieldsMax) errors.push(tooMany(at, seen.size, selectableFieldsMax));
  return errors;
}

const selectableTypes = ['boolean', 'integer', 'string'];

function validateSelectableField(
  path: string,
  jsonPath: string,
  schema: JSONSchemaProps,
  seen: Set<string>,
): FieldError[] {
  if (jsonPath === '') return [required(path)];
  const found = jsonPath.startsWith('.') ? schemaAt(schema, jsonPath.slice(1).split('.')) : undefined;
  if (found === undefined) {
    return [invalidValue(path, jsonPath, `is an invalid path: does not refer to a valid field`)];
  }
  const errors: FieldError[] = [];
  if (jsonPath.startsWith('.metadata'))
    errors.push(invalidValue(path, jsonPath, 'must not point to fields in metadata'));
  if (!selectableTypes.includes(found.type ?? '')) {
    const why =
      'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
    errors.push(invalidValue(path, jsonPath, why));
  }
  if (seen.has(jsonPath)) errors.push(duplicate(path, jsonPath));
  seen.add(jsonPath);
  return errors;
}

function schemaAt(
  schema: JSONSchemaProps | undefined,
  [step, ...rest]: readonly string[],
): JSONSchemaProps | undefined {
  if (schema === undefined || step === undefined) return schema;
  const own = schema.properties && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined;
  return schemaAt(own ?? valuesOf(schema) ?? (step === 'items' ? itemsOf(schema) : undefined), rest);
}
