/** Formats in the schema of a custom resource that nobody looks at are warned of, once they are new. */

import { goQuote } from '../../api/field-error.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import { stringFormat } from '../../api/structural/validate/formats.ts';
import { childSchemas } from './structural-schema.ts';

function isKnown({ type, format = '' }: JSONSchemaProps): boolean {
  switch (type) {
    case undefined:
    case '':
    case 'string':
      return stringFormat(format) !== undefined;
    case 'integer':
      return format === 'int32' || format === 'int64';
    case 'number':
      return format === 'float' || format === 'double';
    default:
      return false;
  }
}

function noteUnknown(schema: JSONSchemaProps, found: string[]): void {
  if (schema.format && !isKnown(schema)) found.push(schema.format);
  for (const child of childSchemas(schema)) noteUnknown(child, found);
}

function formatsOf({ spec }: CustomResourceDefinition): string[] {
  const found: string[] = [];
  for (const { schema } of spec?.versions ?? []) {
    if (schema?.openAPIV3Schema) noteUnknown(schema.openAPIV3Schema, found);
  }
  return found;
}

export function formatWarnings(definition: CustomResourceDefinition, old?: CustomResourceDefinition): string[] {
  const known = new Set(old === undefined ? [] : formatsOf(old));
  return formatsOf(definition)
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${goQuote(format)}`);
}
