/** The query parameters of each kind of request, as OpenAPI tells them. Names and types are the API's (`metav1.*Options`). */
import type { MessageType } from '../schema/schema.ts';
import type { Json, OpenApiVersion } from './schemas.ts';

type Parameter = readonly [name: string, type: 'string' | 'boolean' | 'integer'];

const pretty: Parameter = ['pretty', 'string'];
const dryRun: Parameter = ['dryRun', 'string'];
const fieldManager: Parameter = ['fieldManager', 'string'];
const fieldValidation: Parameter = ['fieldValidation', 'string'];

const listParameters: readonly Parameter[] = [
  ['allowWatchBookmarks', 'boolean'],
  ['continue', 'string'],
  ['fieldSelector', 'string'],
  ['labelSelector', 'string'],
  ['limit', 'integer'],
  ['resourceVersion', 'string'],
  ['resourceVersionMatch', 'string'],
  ['sendInitialEvents', 'boolean'],
  ['timeoutSeconds', 'integer'],
];

const deleteParameters: readonly Parameter[] = [
  dryRun,
  ['gracePeriodSeconds', 'integer'],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'],
  ['orphanDependents', 'boolean'],
  ['propagationPolicy', 'string'],
];

export type Action =
  | 'get'
  | 'list'
  | 'watch'
  | 'watchlist'
  | 'post'
  | 'put'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'connect';

const watchParameters: readonly Parameter[] = [pretty, ...listParameters, ['watch', 'boolean']];

const byAction: Readonly<Record<Action, readonly Parameter[]>> = {
  get: [pretty],
  list: watchParameters,
  watch: watchParameters,
  watchlist: watchParameters,
  post: [pretty, dryRun, fieldManager, fieldValidation],
  put: [pretty, dryRun, fieldManager, fieldValidation],
  patch: [pretty, dryRun, fieldManager, fieldValidation, ['force', 'boolean']],
  delete: [pretty, ...deleteParameters],
  deletecollection: [pretty, ...listParameters.filter(([name]) => name !== 'allowWatchBookmarks'), ...deleteParameters],
  connect: [],
};

export function queryParameters(action: Action, version: OpenApiVersion): Json[] {
  return byAction[action].map((each) => queryParameter(each, version));
}

/** Of a kind like `PodExecOptions`, whose fields travel in the query; a list is a parameter that may be repeated. */
export function optionParameters(options: MessageType | undefined, version: OpenApiVersion): Json[] {
  const fields = [...(options?.fieldsByName.values() ?? [])].filter(
    ({ name }) => name !== 'kind' && name !== 'apiVersion',
  );
  return fields.map(({ name, type }) => {
    const scalar = type.kind === 'scalar' ? type.scalar : 'string';
    const kind = scalar === 'boolean' ? 'boolean' : scalar.includes('int') ? 'integer' : 'string';
    return queryParameter([name, kind], version);
  });
}

export function pathParameter(name: string, version: OpenApiVersion): Json {
  return { ...parameter(name, 'path', { type: 'string', uniqueItems: true }, version), required: true };
}

function queryParameter([name, type]: Parameter, version: OpenApiVersion): Json {
  return parameter(name, 'query', { type, uniqueItems: true }, version);
}

function parameter(name: string, place: 'query' | 'path', schema: Json, version: OpenApiVersion): Json {
  return version === 'v3' ? { name, in: place, schema } : { name, in: place, ...schema };
}
