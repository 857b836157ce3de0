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

function unknownFormats(schema: JSONSchemaProps): string[] {
  const own = schema.format && !isKnown(schema) ? [schema.format] : [];
  return [...own, ...childSchemas(schema).flatMap(unknownFormats)];
}

function formatsOf({ spec }: CustomResourceDefinition): string[] {
  return (spec?.versions ?? []).flatMap(({ schema }) =>
    schema?.openAPIV3Schema ? unknownFormats(schema.openAPIV3Schema) : [],
  );
}

export function formatWarnings(definition: CustomResourceDefinition, old?: CustomResourceDefinition): string[] {
  const known = new Set(old === undefined ? [] : formatsOf(old));
  return formatsOf(definition)
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${goQuote(format)}`);
}
