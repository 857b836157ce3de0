/** For tests: schemas in few words, and what reading and checking a value by them gives. Not for production. */

import { decodeObject } from '../decode.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import type { JSONSchemaProps } from '../schema/types/apiextensions-v1.ts';
import { messageTypeOf } from './message-type.ts';
import { structuralOf } from './structural-of.ts';
import { Correlation } from './validate/correlation.ts';
import { validatorOf } from './validate/schema-validator.ts';

export type Schema = JSONSchemaProps;
type Properties = Readonly<Record<string, Schema>>;

export const text: Schema = { type: 'string' };
export const integer: Schema = { type: 'integer' };
export const anyObject: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
export const struct = (properties: Properties, more: Schema = {}): Schema => ({ type: 'object', properties, ...more });
export const listOf = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more });
export const mapOf = (values: Schema, more: Schema = {}): Schema => ({
  type: 'object',
  additionalProperties: values,
  ...more,
});
export const keyed = (keys: readonly string[], items: Schema): Schema =>
  listOf(items, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys });
export const embedded = (properties: Properties = {}, more: Schema = {}): Schema =>
  struct(properties, { 'x-kubernetes-embedded-resource': true, ...more });

/** The type of a kind whose objects have this in `spec`. */
export function typeWithSpec(spec: Schema): MessageType {
  const schema = struct({ spec });
  return messageTypeOf({ group: 'stable.example.com', version: 'v1', kind: 'Widget' }, structuralOf(schema));
}

export function widget(spec: JsonValue, metadata: JsonValue = { name: 'one' }): JsonObject {
  return { apiVersion: 'stable.example.com/v1', kind: 'Widget', metadata, spec };
}

export interface ReadSpec {
  readonly spec: JsonValue | undefined;
  readonly unknown: readonly string[];
}

/** @throws DecodeError */
export function readSpec(schema: Schema, spec: JsonValue): ReadSpec {
  const { object, unknownFields } = decodeObject(typeWithSpec(schema), widget(spec));
  return { spec: object['spec'], unknown: unknownFields.map((told) => told.replace('unknown field ', '')) };
}

/** What is wrong, as `field: message`. `old`: what the object replaces. */
export function problems(schema: Schema, value: JsonValue, old?: JsonValue): string[] {
  const before = old === undefined ? undefined : new Correlation(structuralOf(schema), value, old);
  return validatorOf(schema)
    .validate('', value, before)
    .errors('')
    .map(({ field, message }) => `${field}: ${message}`);
}
