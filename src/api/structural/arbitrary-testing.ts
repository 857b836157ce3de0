/** For tests: schemas and values of any kind, small enough to meet each other. Not for production. */
import * as fc from 'fast-check';
import type { JsonValue } from '../object.ts';
import { anyObject, integer, keyed, listOf, mapOf, type Schema, struct, text } from './testing.ts';

const leaf = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string({ maxLength: 3 }));
const tree = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'kind', 'metadata'), tie('any'), { maxKeys: 4 }),
}));

export const schemas: fc.Arbitrary<Schema> = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Schema>(text, integer, anyObject, { ...text, nullable: true }, { ...text, default: 'd' }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'), { maxKeys: 3 }).map((fields) => struct(fields)),
    fc
      .dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 })
      .map((fields) => struct(fields, { 'x-kubernetes-preserve-unknown-fields': true })),
    tie('schema').map((items) => listOf(items)),
    tie('schema').map((values) => mapOf(values)),
    tie('schema').map((items) => keyed(['a'], struct({ a: text, b: items }))),
  ),
})).schema;

export const values = tree.any as fc.Arbitrary<JsonValue>;
