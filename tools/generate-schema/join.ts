/**
 * Joins a package's Go structs with its protobuf messages into a model. Go gives JSON names, markers and types; protobuf
 * gives numbers and wire types, and both must agree on them: where they do not, the generator stops, because one of the
 * two was read wrongly.
 */

import { fileName } from './file-name.ts';
import type { GoField, GoType } from './go-declarations.ts';
import type { GoPackage, LocatedConstant, LocatedDeclaration } from './go-package.ts';
import { defaultOf, listMapKeysOf, marker, markerValue, tagValue } from './markers.ts';
import type { GroupVersionModel, ModelEnum, ModelField, ModelMessage, ModelType } from './model.ts';

/** Go types whose JSON form is their own, by import path and name. */
const specialForms: ReadonlyMap<string, string> = new Map([
  ['k8s.io/apimachinery/pkg/api/resource.Quantity', 'quantity'],
  ['k8s.io/apimachinery/pkg/util/intstr.IntOrString', 'int-or-string'],
  ['k8s.io/apimachinery/pkg/apis/meta/v1.Time', 'time'],
  ['k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime', 'micro-time'],
  ['k8s.io/apimachinery/pkg/apis/meta/v1.Duration', 'duration'],
  ['k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1', 'fields-v1'],
  ['k8s.io/apimachinery/pkg/runtime.RawExtension', 'raw-extension'],
  ['k8s.io/apimachinery/pkg/runtime.Object', 'raw-extension'],
]);

/** Structs with a JSON form of their own which, in protobuf, are messages like any other. */
const jsonForms: ReadonlySet<string> = new Set([
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray',
]);

const scalarOfGo: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['bool', 'boolean'],
  ['int', 'int32'],
  ['int32', 'int32'],
  ['int64', 'int64'],
  ['uint32', 'uint32'],
  ['uint64', 'uint64'],
  ['float32', 'float'],
  ['float64', 'double'],
]);

export class Joiner {
  readonly #packages: ReadonlyMap<string, GoPackage>;

  constructor(packages: readonly GoPackage[]) {
    this.#packages = new Map(packages.map((each) => [each.path, each]));
  }

  model(path: string): GroupVersionModel {
    const source = this.#package(path);
    const { group, version, openapiPackage, origin } = source;
    const messages = this.#messages(source);
    const kinds = source.kinds.filter((kind) => messages.some((message) => message.name === kind)).sort();
    const enums = this.#enums(source);
    return {
      file: fileName(source),
      group,
      version,
      openapiPackage,
      goPackage: source.name,
      origin,
      kinds,
      messages,
      enums,
    };
  }

  #package(path: string): GoPackage {
    const found = this.#packages.get(path);
    if (found === undefined) throw new Error(`Nothing was read for the Go package ${path}.`);
    return found;
  }

  #messages(source: GoPackage): ModelMessage[] {
    return [...source.types.values()]
      .filter((type) => type.isApi && !type.alias && /^\p{Lu}/u.test(type.name) && this.#isMessage(source, type))
      .map((type) => this.#message(source, type))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** An API struct has fields with JSON or protobuf tags; Go-only helpers have none. */
  #isMessage(source: GoPackage, declaration: LocatedDeclaration): boolean {
    if (specialForms.has(`${source.path}.${declaration.name}`)) return false;
    const found = this.#structOf(source, declaration.type, declaration.imports);
    return (
      found !== undefined &&
      (found.fields.length === 0 || found.fields.some((field) => /json:|protobuf:/.test(field.tag)))
    );
  }

  #message(source: GoPackage, declaration: LocatedDeclaration): ModelMessage {
    const found = this.#structOf(source, declaration.type, declaration.imports);
    const isJson = jsonForms.has(`${source.path}.${declaration.name}`);
    const fields = (found?.fields ?? [])
      .filter((field) => isJson || tagValue(field.tag, 'json') !== '-')
      .map((field) =>
        this.#field(
          found?.source ?? source,
          found?.name ?? declaration.name,
          field,
          found?.imports ?? declaration.imports,
        ),
      );
    return { name: declaration.name, fields, ...(isJson && { form: 'json' }) };
  }

  /** The struct behind a declaration: its own, or for `type List metav1.List` another's. */
  #structOf(
    source: GoPackage,
    type: GoType,
    imports: ReadonlyMap<string, string>,
    name?: string,
  ):
    | { fields: readonly GoField[]; imports: ReadonlyMap<string, string>; source: GoPackage; name: string | undefined }
    | undefined {
    if (type.kind === 'struct') return { fields: type.fields, imports, source, name };
    if (type.kind !== 'name') return undefined;
    const found = this.#find(source, type, imports);
    return (
      found && this.#structOf(found.source, found.declaration.type, found.declaration.imports, found.declaration.name)
    );
  }

  #find(
    source: GoPackage,
    type: GoType & { kind: 'name' },
    imports: ReadonlyMap<string, string>,
  ): { source: GoPackage; declaration: LocatedDeclaration } | undefined {
    const owner = type.package === undefined ? source : this.#packages.get(imports.get(type.package) ?? '');
    const declaration = owner?.types.get(type.name);
    return owner && declaration && { source: owner, declaration };
  }

  #field(source: GoPackage, message: string, field: GoField, imports: ReadonlyMap<string, string>): ModelField {
    const json = (tagValue(field.tag, 'json') ?? '').split(',');
    const name = json[0] === '' || json[0] === '-' || json[0] === undefined ? field.name : json[0];
    const inline = field.embedded && json[0] === '';
    const pointer = field.type.kind === 'pointer';
    const goType = field.type.kind === 'pointer' ? field.type.to : field.type;
    const type = this.#type(source, goType, imports, `${source.path}.${message}.${field.name}`);
    const number = this.#number(source, message, field, type);
    return {
      name: inline ? '' : name,
      goName: field.name,
      type,
      ...(number !== undefined && { number }),
      required: !inline && isRequired(field, json),
      pointer,
      alwaysEncoded: !inline && isAlwaysEncoded(json, type, pointer),
      inline,
      ...this.#mergeFacts(source, field, goType, imports),
      ...this.#valueFacts(source, field, goType, imports),
    };
  }

  #number(source: GoPackage, message: string, field: GoField, type: ModelType): number | undefined {
    const tag = tagValue(field.tag, 'protobuf')?.split(',');
    if (tag?.[1] === undefined) return undefined;
    const number = Number(tag[1]);
    const declared = source.proto.get(message);
    if (declared === undefined) return source.proto.size === 0 ? number : undefined;
    const found = declared.get(number);
    if (found === undefined) throw new Error(`${source.path}.${message}.${field.name}: no protobuf field ${number}.`);
    const expected = wireTypeOf(type);
    const actual = `${found.map ? 'map ' : found.repeated ? 'repeated ' : ''}${found.type.includes('.') || /^[A-Z]/.test(found.type) ? 'message' : found.type}`;
    if (expected !== actual) {
      throw new Error(`${source.path}.${message}.${field.name}: protobuf says ${actual}, Go says ${expected}.`);
    }
    return number;
  }

  #type(source: GoPackage, type: GoType, imports: ReadonlyMap<string, string>, where: string): ModelType {
    switch (type.kind) {
      case 'pointer':
        return this.#type(source, type.to, imports, where);
      case 'list':
        if (type.element.kind === 'name' && type.element.name === 'byte') return { kind: 'scalar', scalar: 'bytes' };
        return { kind: 'list', element: this.#type(source, type.element, imports, where) };
      case 'map':
        return { kind: 'map', value: this.#type(source, type.value, imports, where) };
      case 'interface':
        return { kind: 'special', form: 'json' };
      case 'struct':
        throw new Error(`${where}: a struct without a name.`);
      case 'name':
        return this.#namedType(source, type, imports, where);
    }
  }

  #namedType(
    source: GoPackage,
    type: GoType & { kind: 'name' },
    imports: ReadonlyMap<string, string>,
    where: string,
  ): ModelType {
    const scalar = type.package === undefined ? scalarOfGo.get(type.name) : undefined;
    if (scalar !== undefined) return { kind: 'scalar', scalar };
    const path = type.package === undefined ? source.path : imports.get(type.package);
    const form = specialForms.get(`${path}.${type.name}`);
    if (form !== undefined) return { kind: 'special', form };
    const found = this.#find(source, type, imports);
    if (found === undefined) throw new Error(`${where}: nothing declares ${type.package ?? ''}.${type.name}.`);
    const { declaration } = found;
    if (declaration.alias) return this.#type(found.source, declaration.type, declaration.imports, where);
    if (this.#structOf(found.source, declaration.type, declaration.imports) !== undefined) {
      return { kind: 'message', file: fileName(found.source), name: declaration.name };
    }
    const under = this.#type(found.source, declaration.type, declaration.imports, where);
    return named(under, found.source, declaration);
  }

  #mergeFacts(
    source: GoPackage,
    field: GoField,
    goType: GoType,
    imports: ReadonlyMap<string, string>,
  ): Partial<ModelField> {
    const listType = markerValue(field.markers, 'listType') ?? markerValue(field.markers, 'k8s:listType');
    const listMapKeys = listMapKeysOf(field.markers);
    const strategy = tagValue(field.tag, 'patchStrategy');
    const mergeKey = tagValue(field.tag, 'patchMergeKey');
    // Of a list it says that its elements are: whether the list itself is, `listType` says.
    const named = goType.kind === 'list' ? goType.element : goType;
    const owner = named.kind === 'name' ? this.#find(source, named, imports)?.declaration.markers : undefined;
    // What the field says goes before what its type says.
    const isGranular = field.markers.some((each) => each === 'mapType=granular' || each === 'structType=granular');
    const atomic =
      !isGranular &&
      [...field.markers, ...(owner ?? [])].some((each) => each === 'mapType=atomic' || each === 'structType=atomic');
    return {
      ...(listType !== undefined && { listType }),
      ...(listMapKeys.length > 0 && { listMapKeys }),
      ...(atomic && { atomic }),
      ...(strategy !== undefined && { patchStrategy: strategy.split(',') }),
      ...(mergeKey !== undefined && { patchMergeKey: mergeKey }),
    };
  }

  /** The enum of a field, of its list's elements or of its map's values; and its default. */
  #valueFacts(
    source: GoPackage,
    field: GoField,
    goType: GoType,
    imports: ReadonlyMap<string, string>,
  ): Partial<ModelField> {
    let leaf = goType;
    while (leaf.kind === 'list' || leaf.kind === 'map' || leaf.kind === 'pointer') {
      leaf = leaf.kind === 'list' ? leaf.element : leaf.kind === 'map' ? leaf.value : leaf.to;
    }
    const found = leaf.kind === 'name' ? this.#resolveAlias(this.#find(source, leaf, imports)) : undefined;
    const values =
      found && isEnum(found.declaration) ? this.#enumValues(found.source, found.declaration.name) : undefined;
    const value = defaultOf(field.markers, source.constants);
    return { ...(values && { enum: values }), ...(value !== undefined && { default: value }) };
  }

  #resolveAlias(found: { source: GoPackage; declaration: LocatedDeclaration } | undefined): typeof found {
    if (found === undefined || !found.declaration.alias || found.declaration.type.kind !== 'name') return found;
    return this.#find(found.source, found.declaration.type, found.declaration.imports);
  }

  #enums(source: GoPackage): ModelEnum[] {
    return [...source.types.values()]
      .filter((type) => !type.alias && isEnum(type))
      .map(({ name }) => ({ name, values: this.#enumValues(source, name) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Sorted, as upstream's OpenAPI has them. An alias of the enum's type declares members too. */
  #enumValues(source: GoPackage, typeName: string): string[] {
    const names = new Set([typeName]);
    for (const { alias, name, type } of source.types.values()) {
      if (alias && type.kind === 'name' && type.name === typeName) names.add(name);
    }
    const values = [...source.constants.values()].filter(({ type }) => type !== undefined && names.has(type));
    if (values.length === 0) throw new Error(`${source.path}.${typeName} is an enum without members.`);
    return [...new Set(values.map((constant) => String(this.#valueOf(constant))))].sort();
  }

  #valueOf({ name, value, imports }: LocatedConstant): string | number | boolean {
    if (typeof value !== 'object') return value;
    const referred = this.#packages.get(imports.get(value.package) ?? '')?.constants.get(value.name);
    if (referred === undefined)
      throw new Error(`No package declares ${value.package}.${value.name}, which ${name} is.`);
    return this.#valueOf(referred);
  }
}

function isEnum({ markers }: LocatedDeclaration): boolean {
  return marker(markers, 'enum') || marker(markers, 'k8s:enum');
}

/** Upstream's rule (kube-openapi): the markers decide, and the JSON tag where there is none. */
function isRequired(field: GoField, json: readonly string[]): boolean {
  if (marker(field.markers, 'required') || marker(field.markers, 'k8s:required')) return true;
  if (marker(field.markers, 'optional') || marker(field.markers, 'k8s:optional')) return false;
  return !json.includes('omitempty');
}

/** Go's `omitempty` does nothing for a struct value: only `omitzero` leaves it out. */
function isAlwaysEncoded(json: readonly string[], type: ModelType, pointer: boolean): boolean {
  if (json.includes('omitzero')) return false;
  const isStruct = !pointer && (type.kind === 'message' || (type.kind === 'special' && type.form !== 'json'));
  return isStruct || !json.includes('omitempty');
}

/** Names a type as Go prints it; an enum keeps its own name for TypeScript, a wrapped list its protobuf message. */
function named(type: ModelType, source: GoPackage, declaration: LocatedDeclaration): ModelType {
  const goType = `${source.name}.${declaration.name}`;
  if (type.kind === 'scalar') {
    return { ...type, goType, ...(isEnum(declaration) && { enum: `${fileName(source)}:${declaration.name}` }) };
  }
  if (type.kind === 'list') return { ...type, goType, ...(source.proto.has(declaration.name) && { wrapped: true }) };
  if (type.kind === 'map') return { ...type, goType };
  return type;
}

const protoScalars: Readonly<Record<string, string>> = { boolean: 'bool' };

function wireTypeOf(type: ModelType): string {
  switch (type.kind) {
    case 'scalar':
      return protoScalars[type.scalar] ?? type.scalar;
    case 'list':
      return type.wrapped ? 'message' : `repeated ${wireTypeOf(type.element)}`;
    case 'map':
      return `map ${wireTypeOf(type.value)}`;
    case 'message':
    case 'special':
      return 'message';
  }
}
