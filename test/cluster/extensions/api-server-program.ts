/**
 * An extension API server as upstream's library makes them (sample-apiserver): flunders of wardle.example.com/v1alpha1, in memory. Runs in a container, and
 * imports nothing but Node.js. HTTPS on 8443 with the certificate in /tls.
 *
 * As the library does, it reads the ConfigMap kube-system/extension-apiserver-authentication to know who may say for whom a request is, takes the
 * caller from the X-Remote headers of such a client, and asks the API by SubjectAccessReview whether the caller may.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';

interface Fields {
  [name: string]: unknown;
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const { KUBERNETES_SERVICE_HOST: apiHost = '', KUBERNETES_SERVICE_PORT: apiPort = '443' } = process.env;
const group = 'wardle.example.com';
const version = 'v1alpha1';
const apiVersion = `${group}/${version}`;
const root = `/apis/${group}/${version}`;

async function bodyOf(stream: IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Fields;
}

function askApi(method: string, path: string, body?: object): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8')}`,
      'content-type': 'application/json',
    };
    const ca = readFileSync(`${account}/ca.crt`);
    const asking = https.request({ host: apiHost, port: apiPort, method, path, headers, ca }, (answer) => {
      if (answer.statusCode !== undefined && answer.statusCode < 300) return void bodyOf(answer).then(resolve, reject);
      reject(new Error(`${method} ${path}: ${answer.statusCode}`));
    });
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: apiVersion,
  resources: [
    {
      name: 'flunders',
      singularName: 'flunder',
      namespaced: true,
      kind: 'Flunder',
      shortNames: ['fl'],
      verbs: ['create', 'delete', 'get', 'list', 'watch'],
    },
  ],
};
const groupDocument = {
  kind: 'APIGroup',
  apiVersion: 'v1',
  name: group,
  versions: [{ groupVersion: apiVersion, version }],
  preferredVersion: { groupVersion: apiVersion, version },
};
const flunderSchema = {
  type: 'object',
  description: 'Flunder is a thing of no use.',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: { type: 'object', properties: { reference: { type: 'string', description: 'What it refers to.' } } },
  },
  'x-kubernetes-group-version-kind': [{ group, version, kind: 'Flunder' }],
};
const info = { title: 'wardle', version: 'v1' };
const action = {
  'x-kubernetes-group-version-kind': { group, version, kind: 'Flunder' },
  responses: { '200': { description: 'OK' } },
};
const openApiV3 = {
  openapi: '3.0.0',
  info,
  paths: { [`${root}/namespaces/{namespace}/flunders`]: { get: { ...action, 'x-kubernetes-action': 'list' } } },
  components: { schemas: { 'com.example.wardle.v1alpha1.Flunder': flunderSchema } },
};
const openApiV2 = {
  swagger: '2.0',
  info,
  paths: { [`${root}/namespaces/{namespace}/flunders`]: { get: { ...action, 'x-kubernetes-action': 'list' } } },
  definitions: { 'com.example.wardle.v1alpha1.Flunder': flunderSchema },
};
const documents: Readonly<Record<string, object>> = {
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [groupDocument] },
  [`/apis/${group}`]: groupDocument,
  [root]: resources,
  '/openapi/v2': openApiV2,
  '/openapi/v3': { paths: { [`apis/${apiVersion}`]: { serverRelativeURL: `/openapi/v3/apis/${apiVersion}?hash=1` } } },
  [`/openapi/v3/apis/${apiVersion}`]: openApiV3,
};

interface Flunder extends Fields {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

const flunders = new Map<string, Flunder>();
const watchers = new Set<(type: string, object: Flunder) => void>();
let revision = 1;

function status(response: ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', DELETE: 'delete' };

/** Whom the front door says the request is for: undefined where it is not the front door that says it. */
function callerOf(request: IncomingMessage): { readonly user: string; readonly groups: readonly string[] } | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const groups = request.headersDistinct['x-remote-group'] ?? [];
  return { user: String(request.headers['x-remote-user'] ?? ''), groups };
}

async function may(request: IncomingMessage, verb: string, namespace: string): Promise<string | undefined> {
  const caller = callerOf(request);
  if (caller === undefined || caller.user === '') return 'nobody';
  const resourceAttributes = { group, version, resource: 'flunders', verb, namespace };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { ...caller, resourceAttributes },
  };
  const { status: verdict } = await askApi('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
  return (verdict as Fields)['allowed'] === true ? undefined : caller.user;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
  if (pathname === '/readyz') return void response.end('ok');
  const document = documents[pathname];
  if (document !== undefined) return answer(response, 200, document);
  const match = new RegExp(`^${root}(?:/namespaces/([^/]+))?/flunders(?:/([^/]+))?$`).exec(pathname);
  if (match === null) return status(response, 404, 'NotFound', 'the server could not find the requested resource');
  const [, namespace = '', name] = match;
  const isWatch = searchParams.get('watch') === 'true' || searchParams.get('watch') === '1';
  const verb = verbs[request.method ?? ''] ?? (name === undefined ? (isWatch ? 'watch' : 'list') : 'get');
  const refused = await may(request, verb, namespace);
  if (refused !== undefined) {
    return status(
      response,
      403,
      'Forbidden',
      `flunders.${group} is forbidden: User "${refused}" cannot ${verb} flunders`,
    );
  }
  if (verb === 'create') return create(response, namespace, await bodyOf(request));
  if (verb === 'watch') return watch(response, namespace);
  if (name === undefined) {
    const items = [...flunders.values()].filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
    return answer(response, 200, {
      kind: 'FlunderList',
      apiVersion,
      metadata: { resourceVersion: String(revision) },
      items,
    });
  }
  const found = flunders.get(`${namespace}/${name}`);
  if (found === undefined) return status(response, 404, 'NotFound', `flunders.${group} "${name}" not found`);
  if (verb === 'delete') {
    flunders.delete(`${namespace}/${name}`);
    for (const tell of watchers) tell('DELETED', found);
  }
  answer(response, 200, found);
}

function create(response: ServerResponse, namespace: string, body: Fields): void {
  const resourceVersion = String(++revision);
  const { name } = body['metadata'] as { name: string };
  const metadata = { ...(body['metadata'] as object), name, namespace, uid: `uid-${revision}`, resourceVersion };
  const made: Flunder = { ...body, kind: 'Flunder', apiVersion, metadata };
  flunders.set(`${namespace}/${name}`, made);
  for (const tell of watchers) tell('ADDED', made);
  answer(response, 201, made);
}

function watch(response: ServerResponse, namespace: string): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const tell = (type: string, object: Flunder): void => {
    if (namespace === '' || object.metadata.namespace === namespace)
      response.write(`${JSON.stringify({ type, object })}\n`);
  };
  watchers.add(tell);
  response.once('close', () => watchers.delete(tell));
}

const configuration = await askApi(
  'GET',
  '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication',
);
const { 'requestheader-client-ca-file': ca } = configuration['data'] as Readonly<Record<string, string>>;
if (ca === undefined) throw new Error('the ConfigMap names no authority for request headers');
const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key'), ca };
https
  .createServer(
    { ...tls, requestCert: true, rejectUnauthorized: false },
    (request, response) => void serve(request, response),
  )
  .listen(8443);
process.on('SIGTERM', () => process.exit(0));
