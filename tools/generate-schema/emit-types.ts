/** Writes a group-version's TypeScript types: one deeply readonly interface for each Go struct, one union for each enum. */
import type { GroupVersionModel, ModelField, ModelMessage, ModelType } from './model.ts';

/** Aliases that stand in meta-v1.ts, by special form. */
const specialNames: Readonly<Record<string, string>> = {
  quantity: 'Quantity',
  'int-or-string': 'IntOrString',
  time: 'Time',
  'micro-time': 'MicroTime',
  duration: 'Duration',
  'fields-v1': 'FieldsV1',
  'raw-extension': 'RawExtension',
};

const specialAliases = `/** \`500m\`, \`1Gi\`: see \`src/api/quantity.ts\`. */
export type Quantity = string;

export type IntOrString = number | string;

/** RFC 3339, UTC, whole seconds. */
export type Time = string;

/** RFC 3339, UTC, microseconds. */
export type MicroTime = string;

/** A Go duration: \`1m30s\`. */
export type Duration = string;

/** A set of field paths, as a managedFields entry holds it. */
export type FieldsV1 = object;

/** Any object, whole. */
export type RawExtension = object;
`;

/** What the JSON forms of JSONSchemaProps stand for. */
const jsonTypes: Readonly<Record<string, string>> = {
  JSON: 'unknown',
  JSONSchemaPropsOrArray: 'JSONSchemaProps | readonly JSONSchemaProps[]',
  JSONSchemaPropsOrBool: 'JSONSchemaProps | boolean',
  JSONSchemaPropsOrStringArray: 'JSONSchemaProps | readonly string[]',
};

const scalarTypes: Readonly<Record<string, string>> = { string: 'string', bytes: 'string', boolean: 'boolean' };

export function typesText(model: GroupVersionModel): string {
  const imports = new Map<string, Set<string>>();
  const writer = new TypeWriter(model, imports);
  const body = [
    ...(model.file === 'meta-v1' ? [specialAliases] : []),
    ...model.enums.map(({ name, values }) => `export type ${name} = ${values.map(quote).join(' | ') || 'string'};\n`),
    ...model.messages.map((message) => writer.message(message)),
  ];
  return [
    `// Made by \`npm run generate-schema\` from ${model.origin}. Do not edit.\n`,
    ...(imports.size > 0 ? [importLines(imports)] : []),
    '\n',
    body.join('\n'),
  ].join('');
}

function importLines(imports: ReadonlyMap<string, ReadonlySet<string>>): string {
  return [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, names]) => `import type { ${[...names].sort().join(', ')} } from './${file}.ts';\n`)
    .join('');
}

class TypeWriter {
  readonly #file: string;
  readonly #imports: Map<string, Set<string>>;
  /** The file that each name used here is from: a second file's goes by `Name_file`. */
  readonly #names = new Map<string, string>();

  constructor({ file, messages, enums }: GroupVersionModel, imports: Map<string, Set<string>>) {
    this.#file = file;
    this.#imports = imports;
    for (const { name } of [...messages, ...enums]) this.#names.set(name, file);
  }

  message(message: ModelMessage): string {
    if (message.form === 'json') return `export type ${message.name} = ${jsonTypes[message.name] ?? 'unknown'};\n`;
    const parents = message.fields.filter((field) => field.inline).map((field) => this.#type(field.type));
    const lines = message.fields.filter((field) => !field.inline).map((field) => this.#field(field));
    const heritage = parents.length > 0 ? ` extends ${parents.join(', ')}` : '';
    if (lines.length === 0) return `export interface ${message.name}${heritage} {}\n`;
    return `export interface ${message.name}${heritage} {\n${lines.join('')}}\n`;
  }

  #field(field: ModelField): string {
    const name = /^\w+$/.test(field.name) ? field.name : quote(field.name);
    return `  readonly ${name}${field.required ? '' : '?'}: ${this.#type(field.type)};\n`;
  }

  #type(type: ModelType): string {
    switch (type.kind) {
      case 'scalar':
        return type.enum === undefined ? (scalarTypes[type.scalar] ?? 'number') : this.#reference(type.enum);
      case 'special':
        return type.form === 'json' ? 'unknown' : this.#reference(`meta-v1:${specialNames[type.form]}`);
      case 'message':
        return this.#reference(`${type.file}:${type.name}`);
      case 'list':
        return `readonly ${parenthesised(this.#type(type.element))}[]`;
      case 'map':
        return `{ readonly [key: string]: ${this.#type(type.value)} }`;
    }
  }

  #reference(reference: string): string {
    const [file = '', name = ''] = reference.split(':');
    if (file === this.#file) return name;
    let names = this.#imports.get(file);
    if (names === undefined) this.#imports.set(file, (names = new Set()));
    const local = this.#localName(file, name);
    names.add(local === name ? name : `${name} as ${local}`);
    return local;
  }

  #localName(file: string, name: string): string {
    const owner = this.#names.get(name) ?? file;
    this.#names.set(name, owner);
    return owner === file ? name : `${name}_${file.replaceAll('-', '_')}`;
  }
}

function parenthesised(type: string): string {
  return type.startsWith('readonly ') ? `(${type})` : type;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
