/**
 * OpenAPI v3 documents in protobuf: the messages of gnostic's `OpenAPIv3.proto` (package `openapi.v3`), which some clients prefer.
 *
 * Stands here: what our documents hold, and all that a schema can hold, for the sake of custom resources; what is not here is
 * refused, never dropped. A construct that the documents begin to use gets its line here, with the name and the number of
 * `OpenAPIv3.proto`. How the lines work is `protobuf-parts.ts`.
 */
import {
  any,
  boolean,
  choice,
  double,
  encodeWhole,
  extensions,
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
export function encodeOpenApiV3(document: Json): Buffer {
  return encodeWhole(documentPart, document, 'document');
}

const reference = message({ $ref: [1, text], summary: [2, text], description: [3, text] });

const isReference = (value: unknown): boolean => typeof value === 'object' && value !== null && '$ref' in value;

/** gnostic's `XOrReference`. */
const orReference = (part: Part): Part => {
  const [itself, other] = [wrapped(part, 1), wrapped(reference, 2)];
  return choice((value) => (isReference(value) ? other : itself));
};

const schemaOrReference: Part = later(() => orReference(schema));

const externalDocs = message({ description: [1, text], url: [2, text] }, extensions(3));

const additionalProperties = choice((value) =>
  typeof value === 'boolean' ? wrapped(boolean, 2) : wrapped(schemaOrReference, 1),
);

/** Only scalars have a form: of all others gnostic says no more than that they are there. */
const defaultValue = choice((value) => {
  if (typeof value === 'number') return wrapped(double, 1);
  if (typeof value === 'boolean') return wrapped(boolean, 2);
  return typeof value === 'string' ? wrapped(text, 3) : emptyMessage;
});

const empty = message({});
const emptyMessage: Part = (to, number, _value, where) => empty(to, number, {}, where);

const schema: Part = message(
  {
    nullable: [1, boolean],
    readOnly: [3, boolean],
    writeOnly: [4, boolean],
    externalDocs: [6, externalDocs],
    example: [7, any],
    deprecated: [8, boolean],
    title: [9, text],
    multipleOf: [10, double],
    maximum: [11, double],
    exclusiveMaximum: [12, boolean],
    minimum: [13, double],
    exclusiveMinimum: [14, boolean],
    maxLength: [15, integer],
    minLength: [16, integer],
    pattern: [17, text],
    maxItems: [18, integer],
    minItems: [19, integer],
    uniqueItems: [20, boolean],
    maxProperties: [21, integer],
    minProperties: [22, integer],
    required: [23, list(text)],
    enum: [24, list(any)],
    type: [25, text],
    allOf: [26, list(schemaOrReference)],
    oneOf: [27, list(schemaOrReference)],
    anyOf: [28, list(schemaOrReference)],
    not: [29, later(() => schema)],
    items: [30, oneOrMore(schemaOrReference)],
    properties: [31, map(schemaOrReference)],
    additionalProperties: [32, additionalProperties],
    default: [33, defaultValue],
    description: [34, text],
    format: [35, text],
  },
  extensions(36),
);

const mediaTypes = map(message({ schema: [1, schemaOrReference], example: [2, any] }, extensions(5)));

const parameter = message(
  {
    name: [1, text],
    in: [2, text],
    description: [3, text],
    required: [4, boolean],
    deprecated: [5, boolean],
    schema: [10, schemaOrReference],
  },
  extensions(14),
);

const requestBody = message(
  { description: [1, text], content: [2, mediaTypes], required: [3, boolean] },
  extensions(4),
);

const response = message({ description: [1, text], content: [3, mediaTypes] }, extensions(5));
const responses = message(
  {},
  { number: 2, holds: (name) => !isExtension(name), part: orReference(response) },
  extensions(3),
);

/** `NamedStringArray`: the strings stand in a message of their own. */
const securityRequirement = map(wrapped(list(text), 1));

const operation = message(
  {
    tags: [1, list(text)],
    summary: [2, text],
    description: [3, text],
    externalDocs: [4, externalDocs],
    operationId: [5, text],
    parameters: [6, list(orReference(parameter))],
    requestBody: [7, orReference(requestBody)],
    responses: [8, responses],
    deprecated: [10, boolean],
    security: [11, list(securityRequirement)],
  },
  extensions(13),
);

const pathItem = message(
  {
    summary: [2, text],
    description: [3, text],
    get: [4, operation],
    put: [5, operation],
    post: [6, operation],
    delete: [7, operation],
    options: [8, operation],
    head: [9, operation],
    patch: [10, operation],
    parameters: [13, list(orReference(parameter))],
  },
  extensions(14),
);

const paths = message({}, { number: 1, holds: (name) => !isExtension(name), part: pathItem }, extensions(2));

const securityScheme = message(
  { type: [1, text], description: [2, text], name: [3, text], in: [4, text], scheme: [5, text] },
  extensions(9),
);

const components = message(
  { schemas: [1, map(schemaOrReference)], securitySchemes: [7, map(orReference(securityScheme))] },
  extensions(10),
);

const info = message(
  { title: [1, text], description: [2, text], termsOfService: [3, text], version: [6, text] },
  extensions(7),
);

const documentPart = message(
  {
    openapi: [1, text],
    info: [2, info],
    paths: [4, paths],
    components: [5, components],
    security: [6, list(securityRequirement)],
    externalDocs: [8, externalDocs],
  },
  extensions(9),
);
