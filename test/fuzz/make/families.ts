/** The families of requests, each with its share of the run: from a number and a seed, one request. */
import type { JsonObject } from '../../../src/api/object.ts';
import type { ResourceInfo, Verb } from '../../../src/api/resources.ts';
import { rawPieces } from './abuse.ts';
import { brokenJson, wholeJson } from './break-json.ts';
import { brokenProtobuf } from './break-protobuf.ts';
import { brokenYaml } from './break-yaml.ts';
import { Chance, type Weighted } from './chance.ts';
import { customServed } from './custom-kind.ts';
import { commonHeaders, typed, upgradeHeaders } from './headers.ts';
import { nastyText, prototypeKeys } from './nasty.ts';
import { patchBody, withManagedFields } from './patches.ts';
import { collectionPath, namesFor, objectPath, served, strangePath } from './paths.ts';
import {
  connectParameters,
  deleteParameters,
  listParameters,
  query,
  watchParameters,
  writeParameters,
} from './queries.ts';
import type { FuzzRequest, User } from './request.ts';
import { goodObject, kindOf, type ObjectNames } from './valid-objects.ts';

type Made = Pick<FuzzRequest, 'method' | 'path' | 'headers' | 'body'> & Partial<FuzzRequest>;

/** A resource with one of its subresources or none, and the names of one object. */
interface Target {
  readonly resource: ResourceInfo;
  readonly subresource: string;
  readonly names: ObjectNames;
}

const servedBy: ReadonlyMap<Verb, readonly ResourceInfo[]> = new Map(
  (['create', 'patch', 'watch'] as const).map((verb) => [verb, served.filter(({ verbs }) => verbs.includes(verb))]),
);

const connects: ReadonlySet<string> = new Set(['attach', 'exec', 'portforward', 'proxy', 'log']);

/** One kind stands for all that people add to the API: so often that it is met in every state. */
const customShare = 8;

const anyOf = (chance: Chance, resources: readonly ResourceInfo[]): ResourceInfo =>
  chance.pick(chance.percent(customShare) ? customServed : resources);

function targetOf(chance: Chance, subresourceShare: number, verb?: Verb): Target {
  const able = verb === undefined ? served : (servedBy.get(verb) ?? served);
  const resource = anyOf(chance, chance.percent(95) ? able : served);
  const own = resource.subresources.filter(({ name }) => !connects.has(name));
  const subresource = own.length > 0 && chance.percent(subresourceShare) ? chance.pick(own).name : '';
  return { resource, subresource, names: namesFor(chance, resource) };
}

/** POST to a collection, PUT on an object: subresources of the first kind have a name, too. */
function writePath({ resource, subresource, names }: Target, method: string): string {
  const isCollection = method === 'POST' && subresource === '';
  return isCollection ? collectionPath(resource, names.namespace) : objectPath(resource, names, subresource);
}

function writing(chance: Chance, target: Target): string {
  const { resource, subresource } = target;
  const verbs =
    subresource === '' ? resource.verbs : resource.subresources.find((each) => each.name === subresource)?.verbs;
  const canUpdate = verbs?.includes('update') === true;
  const canCreate = verbs?.includes('create') === true;
  if (chance.percent(3)) return chance.pick(['POST', 'PUT', 'DELETE', 'PATCH']);
  return canUpdate && (!canCreate || chance.percent(40)) ? 'PUT' : 'POST';
}

function writeQuery(chance: Chance): string {
  if (chance.percent(70)) return '';
  if (chance.percent(50)) return query(chance, writeParameters);
  return chance.pick(['?dryRun=All', '?fieldValidation=Strict', '?fieldValidation=Warn', '?fieldManager=fuzz']);
}

/** A write with a body in one of the three encodings. */
function write(chance: Chance, contentType: string, body: (object: JsonObject, target: Target) => Buffer): Made {
  const target = targetOf(chance, 15, 'create');
  const { resource, subresource, names } = target;
  const object = goodObject(chance, resource, subresource, names);
  const method = writing(chance, target);
  const path = `${writePath(target, method)}${writeQuery(chance)}`;
  const headers = typed(chance, commonHeaders(chance), contentType);
  return { method, path, headers, body: body(object, target), ...(subresource === '' && { resource }) };
}

function json(chance: Chance): Made {
  return write(chance, 'application/json', (object) => {
    const text = brokenJson(chance, object, chance.pick([0, 0, 0, 1, 1, 2]));
    return wholeJson(chance, chance.percent(6) ? withManagedFields(chance, text) : text);
  });
}

function yaml(chance: Chance): Made {
  return write(chance, 'application/yaml', (object) => brokenYaml(chance, object));
}

/** Kinds of which controllers make as many pods as they are told to: a turned bit must not stay. */
const multiplying: ReadonlySet<string> = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'Job',
  'ReplicationController',
  'Scale',
]);

function protobuf(chance: Chance): Made {
  let harmless = true;
  const made = write(chance, 'application/vnd.kubernetes.protobuf', (object, { resource, subresource }) => {
    const kind = kindOf(resource, subresource);
    harmless = !multiplying.has(kind.kind);
    return brokenProtobuf(chance, kind, object) ?? chance.bytes(40);
  });
  return harmless ? made : { ...made, path: `${made.path.split('?')[0]}?dryRun=All` };
}

function patch(chance: Chance): Made {
  const target = targetOf(chance, 15, 'patch');
  const { resource, subresource, names } = target;
  const { contentType, body } = patchBody(chance, goodObject(chance, resource, subresource, names));
  const isApply = contentType.startsWith('application/apply');
  const asked = writeQuery(chance);
  const manager =
    isApply && chance.percent(85) ? `${asked === '' ? '?' : `${asked}&`}fieldManager=fuzz${chance.int(3)}` : asked;
  return {
    method: 'PATCH',
    path: `${objectPath(resource, names, subresource)}${manager}`,
    headers: typed(chance, commonHeaders(chance), contentType),
    body,
    ...(subresource === '' && { resource }),
  };
}

function list(chance: Chance): Made {
  const resource = anyOf(chance, served);
  const namespace = resource.namespaced && chance.percent(60) ? namesFor(chance, resource).namespace : '';
  const asked = query(chance, listParameters);
  return {
    method: 'GET',
    path: `${collectionPath(resource, namespace)}${asked}`,
    headers: commonHeaders(chance),
    body: undefined,
  };
}

function watch(chance: Chance): Made {
  const { resource } = targetOf(chance, 0, 'watch');
  const namespace = resource.namespaced && chance.percent(60) ? namesFor(chance, resource).namespace : '';
  const asked = query(chance, watchParameters);
  const path = `${collectionPath(resource, namespace)}${asked}${asked === '' ? '?' : '&'}watch=true`;
  return { method: 'GET', path, headers: commonHeaders(chance), body: undefined };
}

function read(chance: Chance): Made {
  const { resource, subresource, names } = targetOf(chance, 20);
  const method = chance.pick(['GET', 'GET', 'GET', 'HEAD']);
  const path = `${objectPath(resource, names, subresource)}${query(chance, ['resourceVersion', 'pretty', 'includeObject'])}`;
  return { method, path, headers: commonHeaders(chance), body: undefined };
}

/** What stood before the run, and has to stand after it. */
const kept: ReadonlySet<string> = new Set(['default', 'kubernetes']);
const keptWhole: ReadonlySet<string> = new Set(['namespaces', 'customresourcedefinitions']);

function remove(chance: Chance): Made {
  const { resource, subresource, names } = targetOf(chance, 3);
  const isCollection = chance.percent(10) && !keptWhole.has(resource.resource);
  const name = kept.has(names.name) ? 'a' : names.name;
  const path = isCollection
    ? collectionPath(resource, 'fuzz-2')
    : objectPath(resource, { ...names, name }, subresource);
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid: 'x' },
  };
  const body = chance.percent(40) ? wholeJson(chance, brokenJson(chance, options, 1 + chance.int(2))) : undefined;
  const headers = typed(chance, commonHeaders(chance), 'application/json');
  return { method: 'DELETE', path: `${path}${query(chance, deleteParameters)}`, headers, body };
}

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'get',
  'M-SEARCH',
] as const;

/** Anything at any path. */
function stray(chance: Chance): Made {
  const method = chance.percent(70) ? 'GET' : chance.pick(methods);
  const body = method !== 'GET' && chance.percent(40) ? wholeJson(chance, '{}') : undefined;
  const headers = commonHeaders(chance);
  if (body !== undefined) typed(chance, headers, 'application/json');
  const path = strangePath(chance);
  return { method, path: path.includes('?') ? path : `${path}${query(chance)}`, headers, body };
}

/** Conversations with pods and nodes that are not there. */
function connect(chance: Chance): Made {
  const [resource, subresource] = chance.pick(
    served.flatMap((each) =>
      each.subresources.filter(({ name }) => connects.has(name)).map(({ name }) => [each, name] as const),
    ),
  );
  const rest =
    subresource === 'proxy' && chance.percent(60) ? `/${encodeURIComponent(nastyText(chance).toWellFormed())}` : '';
  const path = `${objectPath(resource, namesFor(chance, resource), subresource)}${rest}${query(chance, connectParameters)}`;
  const method = subresource === 'log' ? 'GET' : chance.pick(['GET', 'POST', 'GET', 'PUT', 'DELETE']);
  const headers = chance.percent(60) ? { ...commonHeaders(chance), ...upgradeHeaders(chance) } : commonHeaders(chance);
  const body = method === 'GET' || chance.percent(70) ? undefined : chance.bytes(chance.int(500));
  return { method, path, headers, body, transport: 'http1' };
}

/** Any URL, asked to become something else; and every header there is. */
function headed(chance: Chance): Made {
  const made = chance.pick([list, read, stray])(chance);
  const headers = { ...made.headers, ...commonHeaders(chance, 70) };
  if (chance.percent(75)) return { ...made, headers };
  return { ...made, headers: { ...headers, ...upgradeHeaders(chance) }, transport: 'http1' };
}

const mebibyte = 1024 * 1024;

/** At the bounds: as large as may be, one byte more, and nested beyond measure. */
function huge(chance: Chance): Made {
  const size = chance.pick([mebibyte, 1.5 * mebibyte, 3 * mebibyte, 3 * mebibyte + 1, 5 * mebibyte]);
  const fill = chance.pick(hugeBodies);
  const contentType = chance.pick([
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/json-patch+json',
    'application/strategic-merge-patch+json',
    'application/apply-patch+yaml',
  ]);
  const isPatch = contentType.includes('patch');
  const path = '/api/v1/namespaces/default/configmaps';
  return {
    method: isPatch ? 'PATCH' : 'POST',
    path: isPatch ? `${path}/a?fieldManager=fuzz&dryRun=All` : `${path}?dryRun=All`,
    headers: { 'content-type': contentType },
    body: fill(size),
  };
}

const hugeBodies: readonly ((size: number) => Buffer)[] = [
  (size) => around('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"', 'x', '"}}', size),
  (size) =>
    around('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{', '"a":"b",', '"z":"z"}}', size),
  (size) => around('', '[', '', size),
  (size) => around('', '{"a":', '', size),
  (size) => around('[', '1,', '1]', size),
  (size) => around('', ' ', '', size),
  (size) => around('', '- ', 'x', size),
  (size) => around('', 'a: b\n', '', size),
  (size) => around('', '&a ', '', size),
  (size) => around('k8s\u0000', '\u000a', '', size),
  (size) => around('{"a":1', '0', '}', size),
  (size) => around('"', '\\u0000', '"', size),
  (size) => around('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","x":', '9', '}}', size),
  (size) => around('[', '{"op":"test","path":"/a"},', '{}]', size),
];

function around(before: string, filling: string, after: string, size: number): Buffer {
  const count = Math.floor((size - before.length - after.length) / filling.length);
  const text = `${before}${filling.repeat(count)}`;
  return Buffer.from(`${text}${' '.repeat(Math.max(0, size - text.length - after.length))}${after}`, 'latin1');
}

function raw(chance: Chance): Made {
  return {
    method: 'RAW',
    path: '',
    headers: {},
    body: undefined,
    raw: rawPieces(chance),
    transport: 'http1',
    abuse: chance.pick(['wait', 'end', 'reset', 'slow']),
  };
}

/** A good stream that its client breaks. */
function broken(chance: Chance): Made {
  const made = chance.pick([json, yaml, list, watch, patch])(chance);
  return { ...made, transport: 'http2', abuse: chance.pick(['reset', 'reset-later', 'no-end', 'no-window', 'unread']) };
}

/** Objects whose keys are every object's own, all the way through. */
function prototypes(chance: Chance): Made {
  const key = chance.pick(prototypeKeys);
  return write(chance, 'application/json', (object) => {
    const text = JSON.stringify(object).replaceAll(/\{/g, (brace) =>
      chance.percent(30) ? `${brace}"${key}":{"polluted":true},` : brace,
    );
    return Buffer.from(text.replaceAll(',}', '}'));
  });
}

const families: Weighted<readonly [name: string, make: (chance: Chance) => Made]> = [
  [200, ['json', json]],
  [90, ['yaml', yaml]],
  [140, ['protobuf', protobuf]],
  [220, ['patch', patch]],
  [90, ['list', list]],
  [25, ['watch', watch]],
  [40, ['read', read]],
  [40, ['remove', remove]],
  [60, ['stray', stray]],
  [30, ['connect', connect]],
  [40, ['headed', headed]],
  [20, ['prototypes', prototypes]],
  [12, ['raw', raw]],
  [12, ['broken', broken]],
  [1, ['huge', huge]],
];

const users: Weighted<User> = [
  [92, 'admin'],
  [4, 'anonymous'],
  [4, 'node'],
];

/** The same for the same seed and index. */
export function makeRequest(seed: number, index: number): FuzzRequest {
  const chance = Chance.of(seed, index);
  const user = chance.weighted(users);
  const transport = chance.percent(70) ? 'http2' : 'http1';
  const [family, make] = chance.weighted(families);
  return { index, family, user, transport, ...make(chance) };
}
