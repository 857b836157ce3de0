/** JSON schema → structural schema (`structural.ts`): a view, of which each node is made when somebody comes to it. */
import type { JsonValue } from '../object.ts';
import type { JSONSchemaProps, ValidationRule } from '../schema/types/apiextensions-v1.ts';
import type { Structural, StructuralType } from './structural.ts';

const none: ReadonlyMap<string, Structural> = new Map();
const nodes = new WeakMap<JSONSchemaProps, Structural>();

/** The same node for the same schema, by identity. */
export function structuralOf(schema: JSONSchemaProps): Structural {
  let node = nodes.get(schema);
  if (node === undefined) nodes.set(schema, (node = new SchemaNode(schema)));
  return node;
}

class SchemaNode implements Structural {
  readonly source: JSONSchemaProps;
  readonly type: StructuralType;
  readonly nullable: boolean;
  readonly preserveUnknown: boolean;
  readonly embeddedResource: boolean;
  readonly intOrString: boolean;
  #properties: ReadonlyMap<string, Structural> | undefined;
  #values: Structural | true | undefined | null = null;
  #items: Structural | undefined | null = null;

  constructor(source: JSONSchemaProps) {
    this.source = source;
    this.type = (source.type ?? '') as StructuralType;
    this.nullable = source.nullable === true;
    this.preserveUnknown = source['x-kubernetes-preserve-unknown-fields'] === true;
    this.embeddedResource = source['x-kubernetes-embedded-resource'] === true;
    this.intOrString = source['x-kubernetes-int-or-string'] === true;
  }

  get properties(): ReadonlyMap<string, Structural> {
    return (this.#properties ??= propertiesOf(this.source));
  }

  get additionalProperties(): Structural | true | undefined {
    if (this.#values === null) this.#values = valuesOf(this.source);
    return this.#values;
  }

  get items(): Structural | undefined {
    if (this.#items === null) this.#items = itemsOf(this.source);
    return this.#items;
  }

  get listType(): Structural['listType'] {
    return (this.source['x-kubernetes-list-type'] ?? 'atomic') as Structural['listType'];
  }

  get listMapKeys(): readonly string[] {
    return this.source['x-kubernetes-list-map-keys'] ?? [];
  }

  get mapType(): Structural['mapType'] {
    return (this.source['x-kubernetes-map-type'] ?? 'granular') as Structural['mapType'];
  }

  get default(): JsonValue | undefined {
    return (this.source.default as JsonValue | undefined) ?? undefined;
  }

  get rules(): readonly ValidationRule[] {
    return this.source['x-kubernetes-validations'] ?? [];
  }
}

function propertiesOf({ properties }: JSONSchemaProps): ReadonlyMap<string, Structural> {
  if (properties === undefined) return none;
  return new Map(Object.entries(properties).map(([name, schema]) => [name, new SchemaNode(schema)]));
}

/** `false` is as `true` here: that there may be none, validation says. */
function valuesOf({ additionalProperties }: JSONSchemaProps): Structural | true | undefined {
  if (typeof additionalProperties !== 'object') return additionalProperties === undefined ? undefined : true;
  return new SchemaNode(additionalProperties);
}

/** A list of schemas is refused where the definition is written. */
function itemsOf({ items }: JSONSchemaProps): Structural | undefined {
  return typeof items === 'object' && !Array.isArray(items) ? new SchemaNode(items as JSONSchemaProps) : undefined;
}
