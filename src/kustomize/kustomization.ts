/**
 * A kustomization file as its author wrote it, checked: every field is known, has the right form, or is refused with what to do instead.
 */
import type { JsonObject, JsonValue } from '../api/object.ts';
import { documentsOf, isRecord, nameOfType } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { FieldSpec } from './field-path.ts';

export const fileNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

type Texts = Readonly<Record<string, string>>;

export interface GeneratorOptions {
  readonly labels?: Texts;
  readonly annotations?: Texts;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

export interface Generator {
  readonly name: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly files?: readonly string[];
  readonly literals?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  readonly type?: string;
  readonly options?: GeneratorOptions;
}

export interface Selector {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

export interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: Selector;
  readonly options?: { readonly allowNameChange?: boolean; readonly allowKindChange?: boolean };
}

export interface LabelSet {
  readonly pairs: Texts;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
  readonly includeVolumeClaimTemplates?: boolean;
  readonly fields?: readonly FieldSpec[];
}

export interface Image {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
  readonly tagSuffix?: string;
}

export interface FieldOptions {
  readonly delimiter?: string;
  readonly index?: number;
  readonly create?: boolean;
}

export interface Replacement {
  readonly path?: string;
  readonly source?: Selector & { readonly fieldPath?: string; readonly options?: FieldOptions };
  readonly sourceValue?: string;
  readonly targets?: readonly {
    readonly select: Selector;
    readonly reject?: readonly Selector[];
    readonly fieldPaths?: readonly string[];
    readonly options?: FieldOptions;
  }[];
}

export interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly resources: readonly string[];
  readonly components: readonly string[];
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly labels: readonly LabelSet[];
  readonly commonLabels?: Texts;
  readonly commonAnnotations?: Texts;
  readonly images: readonly Image[];
  readonly replicas: readonly { readonly name: string; readonly count: number }[];
  readonly patches: readonly Patch[];
  /** Files or patches themselves. */
  readonly patchesStrategicMerge: readonly string[];
  readonly patchesJson6902: readonly Patch[];
  readonly configMapGenerator: readonly Generator[];
  readonly secretGenerator: readonly Generator[];
  readonly generatorOptions?: GeneratorOptions;
  readonly replacements: readonly Replacement[];
  readonly sortOptions?: {
    readonly order?: string;
    readonly legacySortOptions?: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] };
  };
}

/** The form of a field: a list, an object, a text; with those of what is inside. */
type Form =
  | 'text'
  | 'texts'
  | 'boolean'
  | 'number'
  | 'map'
  | 'any'
  | { readonly list: Form }
  | { readonly fields: Forms };
type Forms = Readonly<Record<string, Form>>;

const options: Forms = {
  labels: 'map',
  annotations: 'map',
  disableNameSuffixHash: 'boolean',
  immutable: 'boolean',
  fileMerge: 'any',
};
const selector: Forms = {
  group: 'text',
  version: 'text',
  kind: 'text',
  name: 'text',
  namespace: 'text',
  labelSelector: 'text',
  annotationSelector: 'text',
  apiVersion: 'text',
};
const generator: Forms = {
  name: 'text',
  namespace: 'text',
  behavior: 'text',
  files: 'texts',
  literals: 'texts',
  envs: 'texts',
  env: 'text',
  options: { fields: options },
};
const patch: Forms = {
  path: 'text',
  patch: 'text',
  target: { fields: selector },
  options: { fields: { allowNameChange: 'boolean', allowKindChange: 'boolean', allowNoTargetMatch: 'boolean' } },
};
const fieldOptions: Form = { fields: { delimiter: 'text', index: 'number', create: 'boolean' } };
const fieldSpec: Forms = { path: 'text', group: 'text', version: 'text', kind: 'text', create: 'boolean' };
const image: Forms = { name: 'text', newName: 'text', newTag: 'text', digest: 'text', tagSuffix: 'text' };
const replacement: Forms = {
  path: 'text',
  source: { fields: { ...selector, fieldPath: 'text', options: fieldOptions } },
  sourceValue: 'text',
  targets: {
    list: {
      fields: {
        select: { fields: selector },
        reject: { list: { fields: selector } },
        fieldPaths: 'texts',
        options: fieldOptions,
      },
    },
  },
};

const forms: Forms = {
  apiVersion: 'text',
  kind: 'text',
  metadata: 'any',
  resources: 'texts',
  bases: 'texts',
  components: 'texts',
  namespace: 'text',
  namePrefix: 'text',
  nameSuffix: 'text',
  labels: {
    list: {
      fields: {
        pairs: 'map',
        includeSelectors: 'boolean',
        includeTemplates: 'boolean',
        includeVolumeClaimTemplates: 'boolean',
        fields: { list: { fields: fieldSpec } },
      },
    },
  },
  commonLabels: 'map',
  commonAnnotations: 'map',
  images: { list: { fields: image } },
  imageTags: { list: { fields: image } },
  replicas: { list: { fields: { name: 'text', count: 'number' } } },
  patches: { list: { fields: patch } },
  patchesStrategicMerge: 'texts',
  patchesJson6902: { list: { fields: patch } },
  configMapGenerator: { list: { fields: generator } },
  secretGenerator: { list: { fields: { ...generator, type: 'text' } } },
  generatorOptions: { fields: options },
  replacements: { list: { fields: replacement } },
  sortOptions: {
    fields: { order: 'text', legacySortOptions: { fields: { orderFirst: 'texts', orderLast: 'texts' } } },
  },
  openapi: 'any',
  buildMetadata: 'texts',
};

/** Fields of kustomize that are not carried out here, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  crds: 'kinds of your own need no entry here: put their definitions under resources, and name references with replacements',
  vars: 'kustomize has replaced vars by replacements; write them so (kustomize edit fix --vars does)',
  configurations: 'the built-in configuration is used; write what it lacks as replacements or patches',
  helmCharts: 'charts are not rendered here; render it once (helm template) and put the result under resources',
  helmGlobals: 'charts are not rendered here; render it once (helm template) and put the result under resources',
  helmChartInflationGenerator:
    'charts are not rendered here; render it once (helm template) and put the result under resources',
  generators: 'programs from outside are not run; put what they make under resources',
  transformers: 'programs from outside are not run; use patches, labels, images and replacements',
  validators: 'programs from outside are not run; the cluster validates by its admission policies',
  inventory: 'naru keeps track itself (naru apply --prune)',
};

/** Fields that are read over, and what that means. */
const ignored: Readonly<Record<string, string>> = {
  openapi: 'openapi is not looked at: patches of custom kinds replace lists as a whole',
  buildMetadata: 'buildMetadata is not looked at: objects carry no origin annotations',
};

export interface ReadKustomization {
  readonly kustomization: Kustomization;
  readonly notes: readonly string[];
}

/** @throws ManifestError naming the file and the field */
export function readKustomization(source: Buffer | string, file: string): ReadKustomization {
  const documents = documentsOf(source, file);
  const [first] = documents;
  if (first === undefined) throw new ManifestError(`${file} is empty; name at least one file under resources`);
  if (documents.length > 1) throw new ManifestError(`${file} holds several documents; a kustomization is one`);
  const value = withoutNulls(first.value);
  checkForm(value, { fields: forms }, file, '');
  const all = value as JsonObject;
  const kind = all['kind'] ?? 'Kustomization';
  if (kind !== 'Kustomization' && kind !== 'Component') {
    throw new ManifestError(`${file}: kind must be Kustomization or Component, not ${nameOfType(kind)}`);
  }
  const notes = Object.entries(ignored).flatMap(([field, note]) => (field in all ? [`${file}: ${note}`] : []));
  return { kustomization: complete(all, kind), notes };
}

const lists = [
  'labels',
  'patches',
  'patchesStrategicMerge',
  'patchesJson6902',
  'configMapGenerator',
  'secretGenerator',
  'replacements',
  'components',
  'replicas',
];

function complete(all: JsonObject, kind: 'Kustomization' | 'Component'): Kustomization {
  const joined = (field: string, old: string): JsonValue[] => [...listOf(all[field]), ...listOf(all[old])];
  return {
    ...Object.fromEntries(lists.map((field) => [field, []])),
    ...all,
    kind,
    resources: joined('resources', 'bases'),
    images: joined('images', 'imageTags'),
  } as unknown as Kustomization;
}

const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

/** `resources:` without anything is as if it were not there. */
function withoutNulls(value: JsonValue): JsonValue {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, child]) => child !== null));
}

function checkForm(value: JsonValue, form: Form, file: string, path: string): void {
  const wrong = (expected: string): ManifestError =>
    new ManifestError(`${file}: ${path || 'the whole'} must be ${expected}, not ${nameOfType(value)}`);
  if (typeof form === 'object') {
    if ('list' in form) {
      if (!Array.isArray(value)) throw wrong('a list');
      value.forEach((item, index) => checkForm(item, form.list, file, `${path}[${index}]`));
      return;
    }
    if (!isRecord(value)) throw wrong('an object');
    for (const [field, child] of Object.entries(value)) {
      if (child !== null) checkForm(child, formOf(form.fields, field, file, path), file, joinPath(path, field));
    }
    return;
  }
  const expected = simpleForms[form];
  if (expected !== undefined && !expected.holds(value)) throw wrong(expected.words);
}

const joinPath = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

function formOf(known: Forms, field: string, file: string, path: string): Form {
  const form = Object.hasOwn(known, field) ? known[field] : undefined;
  if (form !== undefined) return form;
  const instead = path === '' ? refused[field] : undefined;
  if (instead !== undefined) throw new ManifestError(`${file}: ${field} is not supported: ${instead}`);
  const near = Object.keys(known).join(', ');
  throw new ManifestError(`${file}: there is no field ${joinPath(path, field)}; known here are ${near}`);
}

const isText = (value: JsonValue): boolean => typeof value === 'string';

const simpleForms: Readonly<Record<string, { readonly words: string; holds(value: JsonValue): boolean }>> = {
  text: { words: 'a text', holds: isText },
  texts: { words: 'a list of texts', holds: (value) => Array.isArray(value) && value.every(isText) },
  boolean: { words: 'true or false', holds: (value) => typeof value === 'boolean' },
  number: { words: 'a whole number', holds: Number.isInteger },
  map: {
    words: 'an object of texts (quote numbers and true or false)',
    holds: (value) => isRecord(value) && Object.values(value).every(isText),
  },
};
