/**
 * OpenAPI v2 documents in protobuf: the messages of gnostic's `OpenAPIv2.proto` (package `openapi.v2`), which kubectl asks for
 * when it has to look at a manifest itself, such as one of a kind that the server does not know.
 *
 * Stands here: what our documents hold, and all that a schema can hold, for the sake of custom resources. What is not
 * here (forms, files, OAuth, shared parameters, …) is refused, never dropped. A construct that the documents begin to use
 * gets its line here, with the name and the number of `OpenAPIv2.proto`. How the lines work is `protobuf-parts.ts`.
 */
import {
  any,
  boolean,
  choice,
  double,
  encodeWhole,
  extensions,
  type Fields,
  integer,
  isExtension,
  later,
  list,
  map,
  message,
  oneOrMore,
  type Part,
  text,
  wrapped,
} from './protobuf-parts.ts';
import type { Json } from './schemas.ts';

/** @throws UnencodableError for what these messages have no place for */
export function encodeOpenApiV2(swagger: Json): Buffer {
  return encodeWhole(documentPart, swagger, 'document');
}

const externalDocs = message({ description: [1, text], url: [2, text] }, extensions(3));

const anyOrNoSchema = wrapped(boolean, 2);
const innerSchema = wrapped(
  later(() => schema),
  1,
);

const schema: Part = message(
  {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, boolean],
    minimum: [9, double],
    exclusiveMinimum: [10, boolean],
    maxLength: [11, integer],
    minLength: [12, integer],
    pattern: [13, text],
    maxItems: [14, integer],
    minItems: [15, integer],
    uniqueItems: [16, boolean],
    maxProperties: [17, integer],
    minProperties: [18, integer],
    required: [19, list(text)],
    enum: [20, list(any)],
    additionalProperties: [21, choice((value) => (typeof value === 'boolean' ? anyOrNoSchema : innerSchema))],
    type: [22, oneOrMore(text)],
    items: [23, oneOrMore(later(() => schema))],
    allOf: [24, list(later(() => schema))],
    properties: [25, map(later(() => schema))],
    discriminator: [26, text],
    readOnly: [27, boolean],
    externalDocs: [29, externalDocs],
    example: [30, any],
  },
  extensions(31),
);

/** Parameters outside of the body have no schema: the keywords of a simple type, numbered on end from `first`. */
function simpleType(first: number): Fields {
  const keywords: readonly (readonly [string, Part])[] = [
    ['type', text],
    ['format', text],
    ['items', later(() => simpleItems)],
    ['collectionFormat', text],
    ['default', any],
    ['maximum', double],
    ['exclusiveMaximum', boolean],
    ['minimum', double],
    ['exclusiveMinimum', boolean],
    ['maxLength', integer],
    ['minLength', integer],
    ['pattern', text],
    ['maxItems', integer],
    ['minItems', integer],
    ['uniqueItems', boolean],
    ['enum', list(any)],
    ['multipleOf', double],
  ];
  return Object.fromEntries(keywords.map(([name, part], index) => [name, [first + index, part]]));
}

const simpleItems: Part = message(simpleType(1), extensions(18));

const outsideBody = { required: [1, boolean], in: [2, text], description: [3, text], name: [4, text] } as const;
const queryParameter = message({ ...outsideBody, allowEmptyValue: [5, boolean], ...simpleType(6) }, extensions(23));
const pathParameter = message({ ...outsideBody, ...simpleType(5) }, extensions(22));
const bodyParameter = message(
  { description: [1, text], name: [2, text], in: [3, text], required: [4, boolean], schema: [5, schema] },
  extensions(6),
);

/** `NonBodyParameter { query = 3, path = 4 }` in `Parameter { body = 1, non_body = 2 }` in `ParametersItem { parameter = 1 }`. */
const parametersByPlace: ReadonlyMap<unknown, Part> = new Map([
  ['body', wrapped(bodyParameter, 1, 1)],
  ['query', wrapped(queryParameter, 3, 2, 1)],
  ['path', wrapped(pathParameter, 4, 2, 1)],
]);
const parameter = choice((value) => parametersByPlace.get((value as Json | null)?.in));

const response = message({ description: [1, text], schema: [2, wrapped(schema, 1)] }, extensions(5));
const responses = message(
  {},
  { number: 1, holds: (name) => !isExtension(name), part: wrapped(response, 1) },
  extensions(2),
);

const securityRequirement = map(wrapped(list(text), 1));

const operation = message(
  {
    tags: [1, list(text)],
    summary: [2, text],
    description: [3, text],
    externalDocs: [4, externalDocs],
    operationId: [5, text],
    produces: [6, list(text)],
    consumes: [7, list(text)],
    parameters: [8, list(parameter)],
    responses: [9, responses],
    schemes: [10, list(text)],
    deprecated: [11, boolean],
    security: [12, list(securityRequirement)],
  },
  extensions(13),
);

const pathItem = message(
  {
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, list(parameter)],
  },
  extensions(10),
);

const paths = message({}, extensions(1), { number: 2, holds: (name) => !isExtension(name), part: pathItem });

const info = message(
  { title: [1, text], version: [2, text], description: [3, text], termsOfService: [4, text] },
  extensions(7),
);

const apiKey = message({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }, extensions(5));
const securityDefinition = choice((value) =>
  (value as Json | null)?.type === 'apiKey' ? wrapped(apiKey, 2) : undefined,
);

const documentPart = message(
  {
    swagger: [1, text],
    info: [2, info],
    host: [3, text],
    basePath: [4, text],
    schemes: [5, list(text)],
    consumes: [6, list(text)],
    produces: [7, list(text)],
    paths: [8, paths],
    definitions: [9, map(schema)],
    security: [12, list(securityRequirement)],
    securityDefinitions: [13, map(securityDefinition)],
    externalDocs: [15, externalDocs],
  },
  extensions(16),
);
