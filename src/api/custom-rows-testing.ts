/** Rows of custom kinds for tests, as `make.pod({…})` makes pods. */
import { type CustomRow, customRows } from './custom-rows.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from './schema/types/apiextensions-v1.ts';

export interface RowWishes {
  readonly schema?: JSONSchemaProps;
  readonly version?: Partial<CustomResourceDefinitionVersion>;
  readonly group?: string;
  readonly kind?: string;
  readonly scope?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly names?: Partial<CustomResourceDefinitionNames>;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

let definitions = 0;

/** One served version, `v1`, where nothing else is said. */
export function rowsFor(wishes: RowWishes = {}): readonly CustomRow[] {
  const {
    schema,
    version,
    group = 'bar.k8s.io',
    kind = 'Foo',
    scope = 'Namespaced',
    uid = `uid-${++definitions}`,
    generation = 1,
    conditions = [],
  } = wishes;
  const names = {
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    ...wishes.names,
  };
  const own = { ...(schema && { schema: { openAPIV3Schema: schema } }), ...version };
  const crd: CustomResourceDefinition = {
    metadata: { name: `${names.plural}.${group}`, uid, generation },
    spec: { group, names, scope, versions: [{ name: 'v1', served: true, storage: true, ...own }] },
    status: {
      acceptedNames: names,
      conditions: [{ type: 'Established', status: 'True' }, ...conditions],
      storedVersions: ['v1'],
    },
  };
  const schemaDigest = (): Buffer => Buffer.from(JSON.stringify(schema ?? null));
  return customRows({ outline: crd, revision: 1, whole: () => crd, schemaDigest });
}

export const rowFor = (wishes: RowWishes = {}): CustomRow => rowsFor(wishes)[0] as CustomRow;
