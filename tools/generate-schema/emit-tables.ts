/**
 * Writes a group-version's table: JSON with one field of a type on each line and only what differs from the default, so
 * that a change upstream reads as the lines that it is about. `src/api/schema/load.ts` reads it back and says what each
 * key means where it is left out.
 */
import type { GroupVersionModel, ModelField, ModelMessage, ModelType } from './model.ts';

export function tableText(model: GroupVersionModel): string {
  const head = {
    origin: model.origin,
    group: model.group,
    version: model.version,
    openapiPackage: model.openapiPackage,
    goPackage: model.goPackage,
    kinds: model.kinds,
  };
  const lines = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const types = model.messages.map((message) => messageText(message, model)).join(',\n');
  const forms = model.messages.filter(({ form }) => form === 'json').map(({ name }) => name);
  if (forms.length > 0) lines.push(`  "jsonForms": ${JSON.stringify(forms)},\n`);
  return `{\n${lines.join('')}  "types": {\n${types}\n  }\n}\n`;
}

function messageText({ name, fields }: ModelMessage, model: GroupVersionModel): string {
  if (fields.length === 0) return `    ${JSON.stringify(name)}: []`;
  const lines = fields.map((field) => `      ${JSON.stringify(fieldRow(field, model))}`);
  return `    ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n    ]`;
}

function fieldRow(field: ModelField, model: GroupVersionModel): Record<string, unknown> {
  const { type } = field;
  const goType = goTypeOf(type);
  return {
    ...(field.inline ? { inline: true } : { name: field.name }),
    ...(field.goName !== usualGoName(field) && { go: field.goName }),
    type: typeText(type, model.file),
    ...(field.number !== undefined && { number: field.number }),
    ...(goType !== undefined && { goType }),
    ...(isWrapped(type) && { wrapped: true }),
    ...(field.required && { required: true }),
    ...(field.pointer && { pointer: true }),
    ...(field.alwaysEncoded && { always: true }),
    ...(field.listType !== undefined && { listType: field.listType }),
    ...(field.listMapKeys !== undefined && { listMapKeys: field.listMapKeys }),
    ...(field.atomic && { atomic: true }),
    ...(field.patchStrategy !== undefined && { patchStrategy: field.patchStrategy }),
    ...(field.patchMergeKey !== undefined && { patchMergeKey: field.patchMergeKey }),
    ...(field.enum !== undefined && { enum: field.enum }),
    ...(field.default !== undefined && { default: field.default }),
    ...(field.rules !== undefined && { rules: field.rules }),
  };
}

/** What the loader assumes where a row gives no Go name: `spec` is `Spec`, an embedded struct goes by its type's name. */
function usualGoName({ name, inline, type }: ModelField): string {
  if (inline) return type.kind === 'message' ? type.name : '';
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** `string`, `[]Container`, `{}quantity`, `meta-v1:ObjectMeta`. Messages begin with a capital letter, all else does not. */
function typeText(type: ModelType, file: string): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar;
    case 'special':
      return type.form;
    case 'message':
      return type.file === file ? type.name : `${type.file}:${type.name}`;
    case 'list':
      return `[]${typeText(type.element, file)}`;
    case 'map':
      return `{}${typeText(type.value, file)}`;
  }
}

/** The Go type as Go prints it, where it has a name that the parts do not give: `v1.Protocol`, `[]v1.Capability`. */
function goTypeOf(type: ModelType): string | undefined {
  if (type.kind === 'special' || type.kind === 'message') return undefined;
  if (type.goType !== undefined) return type.goType;
  if (type.kind === 'scalar') return undefined;
  const inner = goTypeOf(type.kind === 'list' ? type.element : type.value);
  return inner && `${type.kind === 'list' ? '[]' : 'map[string]'}${inner}`;
}

function isWrapped(type: ModelType): boolean {
  if (type.kind === 'list') return type.wrapped === true || isWrapped(type.element);
  return type.kind === 'map' && isWrapped(type.value);
}
