/**
 * What upstream's suite has its webhook and conversion servers for; runs in a container, and imports nothing but Node.js. HTTPS on 8443 with the
 * certificate in /tls.
 *
 * `/readyz`; `/deny` refuses what carries the label `webhook: deny`, and hangs at `webhook: hang`; `/label` adds `mutated: yes` and asks whether it was
 * asked for that before (annotation `asked`); `/convert` moves `spec.hostPort` of v1 to `spec.host` and `spec.port` of v2, and back.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import process from 'node:process';

interface Fields {
  [name: string]: unknown;
}

const fieldsOf = (value: unknown): Fields => (value ?? {}) as Fields;

async function bodyOf(request: IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Fields;
}

const labelsOf = (object: unknown): Fields => fieldsOf(fieldsOf(fieldsOf(object)['metadata'])['labels']);

function refuse({ uid, object, oldObject }: Fields): Fields | undefined {
  const wish = labelsOf(object ?? oldObject)['webhook'];
  if (wish === 'hang') return undefined;
  if (wish !== 'deny') return { uid, allowed: true, warnings: ['the webhook has looked at it'] };
  return { uid, allowed: false, status: { message: 'the label says so', reason: 'Forbidden', code: 403 } };
}

function label({ uid, object }: Fields): Fields {
  const patch = [
    ...(Object.keys(labelsOf(object)).length === 0 ? [{ op: 'add', path: '/metadata/labels', value: {} }] : []),
    { op: 'add', path: '/metadata/labels/mutated', value: 'yes' },
  ];
  return { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

function converted(object: Fields, version: string): Fields {
  const { hostPort, host, port, ...spec } = fieldsOf(object['spec']);
  if (object['apiVersion'] === version) return object;
  if (version.endsWith('/v1'))
    return { ...object, apiVersion: version, spec: { ...spec, hostPort: [host, port].join(':') } };
  const [name = '', number = ''] = String(hostPort).split(':');
  return { ...object, apiVersion: version, spec: { ...spec, host: name, port: number } };
}

function convert({ uid, desiredAPIVersion, objects }: Fields): Fields {
  const convertedObjects = (objects as Fields[]).map((object) => converted(object, String(desiredAPIVersion)));
  return { uid, convertedObjects, result: { status: 'Success' } };
}

const answers: Readonly<Record<string, (request: Fields) => Fields | undefined>> = {
  '/deny': refuse,
  '/label': label,
  '/convert': convert,
};

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path === '/readyz') return void response.end('ok');
  const answer = answers[path];
  if (answer === undefined) return void response.writeHead(404).end();
  const { apiVersion, kind, request: asked } = await bodyOf(request);
  const answered = answer(fieldsOf(asked));
  // Without an answer the connection stays open, as of a webhook that hangs.
  if (answered === undefined) return;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ apiVersion, kind, response: answered }));
}

const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') };
https.createServer(tls, (request, response) => void serve(request, response)).listen(8443);
process.on('SIGTERM', () => process.exit(0));
