import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../api/object.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { type ClientConfig, readKubeconfig } from '../../client/kubeconfig.ts';
import { configMaps, namespaces, services } from '../../client/resources.ts';
import { type Cluster, startCluster } from '../../cluster.ts';
import { RealClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import { type Http2Client, http2Client } from '../testing.ts';
import { SampleApiServer, sampleGroup, samplePath, sampleVersion } from './testing.ts';

const clock = new RealClock();

const apiServices = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  namespaced: false,
} as Resource<APIService>;

const sampleName = `${sampleVersion}.${sampleGroup}`;

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): JsonObject;
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let turn = 0; turn < 400; turn++) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await clock.sleep(25);
  }
  throw new Error(`${what} did not come about`);
}

class World {
  readonly cluster: Cluster;
  readonly client: Client;
  readonly #config: ClientConfig;

  private constructor(cluster: Cluster, config: ClientConfig) {
    this.cluster = cluster;
    this.client = cluster.client();
    this.#config = config;
  }

  static async start(): Promise<World> {
    const cluster = await startCluster({ nodes: { kind: 'none', name: 'x' } });
    return new World(cluster, await readKubeconfig(cluster.kubeconfig));
  }

  send(path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
    const { server, ca, clientCertificate: cert, clientKey: key } = this.#config;
    const credentials = { ca, cert, key, agent: false } as RequestOptions;
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(`${server}${path}`, { ...credentials, ...options }, resolve);
      sent.on('error', reject);
      sent.on('upgrade', (response, socket) => resolve(Object.assign(response, { upgraded: socket })));
      sent.end(body);
    });
  }

  async ask(path: string, options: RequestOptions = {}, body?: string): Promise<Answered> {
    const response = await this.send(path, options, body);
    const answered = await text(response);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text: answered, json: () => JSON.parse(answered) as JsonObject };
  }

  /** One connection for many requests at once. */
  async connect(): Promise<Http2Client> {
    const { server, ca, clientCertificate: cert, clientKey: key } = this.#config;
    return http2Client(server, { ca, cert, key });
  }

  /** What extension servers read to know whom they may believe. */
  async trust(): Promise<Readonly<Record<string, string>>> {
    const reference = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
    const key = 'requestheader-client-ca-file';
    return until('the front proxy’s authority', async () => {
      const found = await this.client.get(configMaps, reference).catch(() => undefined);
      return found?.data?.[key] === undefined ? undefined : found.data;
    });
  }

  async register(sample: SampleApiServer, more: object = {}): Promise<void> {
    const spec = { type: 'ExternalName', externalName: 'localhost' } as const;
    await this.client.create(services, { metadata: { namespace: 'default', name: 'sample-api' }, spec });
    await this.client.create(apiServices, apiService(sample, more));
  }

  async unregister(): Promise<void> {
    await this.client.delete(apiServices, { namespace: '', name: sampleName });
    await this.client.delete(services, { namespace: 'default', name: 'sample-api' });
  }

  /** Makes this server look at it again. */
  async touch(): Promise<void> {
    const { spec, ...found } = await this.client.get(apiServices, { namespace: '', name: sampleName });
    const versionPriority = (spec?.versionPriority ?? 1) + 1;
    await this.client.update(apiServices, { ...found, spec: { ...spec, versionPriority } } as APIService);
  }

  available(reason: string): Promise<string> {
    return until(`Available for ${reason}`, async () => {
      const { status } = await this.client.get(apiServices, { namespace: '', name: sampleName });
      const found = status?.conditions?.find(({ type }) => type === 'Available');
      return found?.reason === reason && `${found.status}: ${found.message}`;
    });
  }
}

function apiService({ port, serving }: SampleApiServer, more: object = {}): APIService {
  return {
    metadata: { name: sampleName },
    spec: {
      service: { namespace: 'default', name: 'sample-api', port },
      group: sampleGroup,
      version: sampleVersion,
      caBundle: Buffer.from(serving.authority).toString('base64'),
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      ...more,
    },
  };
}

const aggregatedForm = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const flundersPath = `${samplePath}/namespaces/default/flunders`;
const flunder = (name: string): string =>
  JSON.stringify({
    apiVersion: `${sampleGroup}/${sampleVersion}`,
    kind: 'Flunder',
    metadata: { name, namespace: 'default' },
  });

describe('a server that extends the API', () => {
  let world: World;
  let sample: SampleApiServer;

  before(async () => {
    world = await World.start();
    const trust = await world.trust();
    sample = await SampleApiServer.start({ frontProxyAuthority: trust['requestheader-client-ca-file'] ?? '' });
    await world.register(sample);
    assert.equal(await world.available('Passed'), 'True: all checks passed');
  });
  after(async () => {
    await world.cluster.close();
    await sample.stop();
  });

  test('reads in a ConfigMap whom it may believe', async () => {
    const data = await world.trust();
    assert.equal(data['requestheader-allowed-names'], '["front-proxy-client"]');
    assert.equal(data['requestheader-username-headers'], '["X-Remote-User"]');
    assert.equal(data['requestheader-group-headers'], '["X-Remote-Group"]');
    assert.equal(data['requestheader-extra-headers-prefix'], '["X-Remote-Extra-"]');
    assert.notEqual(data['client-ca-file'], data['requestheader-client-ca-file']);
  });

  test('gets requests with this server’s word on whom they are from, and nothing that the client says of it', async () => {
    const headers = {
      'x-remote-user': 'somebody-else',
      'x-remote-group': 'system:masters',
      'x-remote-extra-a': 'b',
      'impersonate-user': 'jane',
      'impersonate-group': 'people, of all kinds',
      'impersonate-extra-acme.com%2Fproject': 'größe',
      'content-type': 'application/json',
    };
    const made = await world.ask(flundersPath, { method: 'POST', headers }, flunder('one'));
    assert.equal(made.status, 403, 'jane may do nothing: this server asks before it passes on');
    const {
      'impersonate-user': _,
      'impersonate-group': _g,
      'impersonate-extra-acme.com%2Fproject': _e,
      ...own
    } = headers;
    const answer = await world.ask(flundersPath, { method: 'POST', headers: own }, flunder('one'));
    assert.equal(answer.status, 201);
    assert.equal((answer.json()['metadata'] as JsonObject)['name'], 'one');
    const seen = sample.seen.at(-1);
    assert.equal(seen?.commonName, 'front-proxy-client');
    assert.equal(seen.headers['x-remote-user'], 'naru-admin');
    assert.deepEqual(seen.groups, ['system:masters', 'system:authenticated']);
    assert.equal(seen.headers['x-remote-extra-a'], undefined);
    assert.equal(seen.headers['audit-id'], answer.headers['audit-id']);
    assert.equal((await world.ask(`${flundersPath}/one`, { method: 'DELETE' })).status, 200);
  });

  test('streams watches, event by event', async () => {
    const response = await world.send(`${flundersPath}?watch=true`);
    assert.equal(response.statusCode, 200);
    const [first] = await Promise.all([
      once(response, 'data') as Promise<[Buffer]>,
      world.ask(flundersPath, { method: 'POST' }, flunder('watched')),
    ]);
    assert.match(first[0].toString(), /"type":"ADDED".*"watched"/);
    response.destroy();
    await world.ask(`${flundersPath}/watched`, { method: 'DELETE' });
  });

  test('gets connections that become something else, as bytes', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    const response = await world.send(`${flundersPath}/one/exec`, { method: 'POST', headers });
    const { upgraded } = response as IncomingMessage & { readonly upgraded?: Duplex };
    assert.equal(response.statusCode, 101);
    upgraded?.write('hello');
    const [echo] = (await once(upgraded as Duplex, 'data')) as [Buffer];
    assert.equal(echo.toString(), 'hello');
    assert.equal(sample.seen.at(-1)?.headers['x-remote-user'], 'naru-admin');
    upgraded?.destroy();
  });

  test('is in discovery, in both forms, in the place of its priority', async () => {
    const list = (await world.ask('/apis')).json() as { groups: { name: string; versions: object[] }[] };
    const names = list.groups.map(({ name }) => name);
    const found = list.groups.find(({ name }) => name === sampleGroup);
    assert.deepEqual(found?.versions, [{ groupVersion: `${sampleGroup}/${sampleVersion}`, version: sampleVersion }]);
    assert.ok(names.indexOf(sampleGroup) > names.indexOf('apps'));
    assert.ok(names.indexOf(sampleGroup) < names.indexOf('gateway.networking.k8s.io'), 'custom groups come last');
    assert.equal((await world.ask(`/apis/${sampleGroup}`)).json()['name'], sampleGroup);
    assert.equal((await world.ask(samplePath)).json()['groupVersion'], `${sampleGroup}/${sampleVersion}`);
    const aggregated = await until('aggregated discovery', async () => {
      const { items } = (await world.ask('/apis', { headers: { accept: aggregatedForm } })).json() as {
        items: { metadata: { name: string }; versions: JsonObject[] }[];
      };
      const [version] = items.find(({ metadata }) => metadata.name === sampleGroup)?.versions ?? [];
      return version?.['freshness'] === 'Current' && version;
    });
    const [resource] = aggregated['resources'] as JsonObject[];
    assert.deepEqual([resource?.['resource'], resource?.['shortNames']], ['flunders', ['fl']]);
  });

  test('has its OpenAPI beside this server’s: version 3 at the server itself, version 2 in one document', async () => {
    const path = `apis/${sampleGroup}/${sampleVersion}`;
    const url = await until('the index', async () => {
      const { paths } = (await world.ask('/openapi/v3')).json() as {
        paths: Record<string, { serverRelativeURL: string }>;
      };
      assert.ok('apis/apps/v1' in paths);
      return paths[path]?.serverRelativeURL;
    });
    assert.equal(url, `/openapi/v3/${path}?hash=ABC`);
    const v3 = (await world.ask(url)).json() as { components: { schemas: Record<string, JsonObject> } };
    assert.equal(v3.components.schemas['wardle.Flunder']?.['description'], 'A flunder.');
    const v2 = (await world.ask('/openapi/v2')).json() as Record<'paths' | 'definitions', Record<string, JsonObject>>;
    assert.ok(`/${path}/namespaces/{namespace}/flunders` in v2.paths);
    assert.ok('/apis/apps/v1/' in v2.paths);
    assert.equal('/elsewhere' in v2.paths, false, 'nothing but its own group-version');
    assert.equal('wardle.Other' in v2.definitions, false);
    assert.equal(v2.definitions['wardle.Flunder']?.['description'], 'A flunder.');
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const binary = await world.ask('/openapi/v2', { headers: { accept } });
    assert.equal(binary.status, 200);
    assert.ok(binary.text.includes('wardle.Flunder'));
  });

  test('says nonsense of what it serves: its group is told as stale, and nothing else changes', async (t) => {
    t.after(async () => {
      sample.override = () => false;
      await world.touch();
    });
    const before = (await world.ask('/apis')).text;
    for (const nonsense of ['<html>', '[]', '{"kind":"APIResourceList","resources":7}', '']) {
      sample.override = (request, response) => {
        if (request.url?.startsWith('/apis/wardle.example.com/v1alpha1/')) return false;
        response.writeHead(200, { 'content-type': 'application/json' }).end(nonsense);
        return true;
      };
      await world.touch();
      await until('stale discovery', async () => {
        const { text: document } = await world.ask('/apis', { headers: { accept: aggregatedForm } });
        return nonsense.includes('APIResourceList') || /"v1alpha1","resources":\[.*"freshness":"Stale"/.test(document);
      });
    }
    assert.equal((await world.ask('/apis')).text, before);
    assert.equal((await world.ask(flundersPath)).status, 200);
  });

  test('is away: its group is told as stale, requests for it get 503, and all else goes on', async () => {
    await world.client.delete(services, { namespace: 'default', name: 'sample-api' });
    assert.equal(await world.available('ServiceNotFound'), 'False: service/sample-api in "default" is not present');
    const answer = await world.ask(flundersPath);
    assert.deepEqual([answer.status, answer.text], [503, 'service unavailable\n']);
    assert.equal((await world.ask('/api/v1/namespaces')).status, 200);
    await until('stale discovery', async () => {
      const { text: document } = await world.ask('/apis', { headers: { accept: aggregatedForm } });
      return /"flunders".*"freshness":"Stale"/.test(document);
    });
    const metrics = (await world.ask('/metrics')).text;
    assert.match(metrics, /^aggregator_unavailable_apiservice\{name="v1alpha1\.wardle\.example\.com"\} 1$/m);
    assert.match(metrics, /^aggregator_unavailable_apiservice\{name="v1\.apps"\} 0$/m);
    assert.match(metrics, /^aggregator_unavailable_apiservice_total\{name="v1a.+",reason="ServiceNotFound"\} 1$/m);
    const spec = { type: 'ExternalName', externalName: 'localhost' } as const;
    await world.client.create(services, { metadata: { namespace: 'default', name: 'sample-api' }, spec });
    await world.available('Passed');
    assert.equal((await world.ask(flundersPath)).status, 200);
  });

  test('holds things in namespaces: they go with theirs, and while it cannot be asked, the namespace waits and says so', async () => {
    const end = async (name: string): Promise<void> => {
      await world.client.create(namespaces, { metadata: { name } });
      const path = `${samplePath}/namespaces/${name}/flunders`;
      await until('a flunder', async () => (await world.ask(path, { method: 'POST' }, flunder('held'))).status === 201);
      await world.client.delete(namespaces, { namespace: '', name });
    };
    const gone = (name: string): Promise<boolean> =>
      until(`${name} is gone`, async () => {
        const found = await world.client.get(namespaces, { namespace: '', name }).catch(() => undefined);
        return found === undefined;
      });
    await until('discovery', async () => {
      const { text: document } = await world.ask('/apis', { headers: { accept: aggregatedForm } });
      return /"flunders".*"freshness":"Current"/.test(document);
    });
    await end('going');
    await gone('going');
    assert.equal(sample.flunders.has('going/held'), false);
    const deletion = sample.seen.findLast(({ method }) => method === 'DELETE');
    assert.equal(deletion?.headers['x-remote-user'], 'system:serviceaccount:kube-system:namespace-controller');
    await world.client.delete(services, { namespace: 'default', name: 'sample-api' });
    await world.available('ServiceNotFound');
    await world.client.create(namespaces, { metadata: { name: 'waiting' } });
    await world.client.delete(namespaces, { namespace: '', name: 'waiting' });
    await until('the condition', async () => {
      const { status } = await world.client.get(namespaces, { namespace: '', name: 'waiting' });
      const found = status?.conditions?.find(({ type }) => type === 'NamespaceDeletionDiscoveryFailure');
      return found?.status === 'True' && /wardle\.example\.com\/v1alpha1/.test(found.message ?? '');
    });
    const spec = { type: 'ExternalName', externalName: 'localhost' } as const;
    await world.client.create(services, { metadata: { namespace: 'default', name: 'sample-api' }, spec });
    await world.available('Passed');
    await gone('waiting');
  });

  test('is not let lead anybody elsewhere', async (t) => {
    sample.override = (_request, response) => {
      response.writeHead(302, { location: 'https://example.com/' }).end();
      return true;
    };
    t.after(() => {
      sample.override = () => false;
    });
    const answer = await world.ask(flundersPath);
    assert.deepEqual(
      [answer.status, answer.text],
      [502, 'the backend attempted to redirect this request, which is not permitted'],
    );
  });

  test('hangs, or breaks off: the client sees half an answer as such, and what there is within five seconds', async (t) => {
    t.after(() => {
      sample.override = () => false;
    });
    sample.override = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      void clock.sleep(20).then(() => response.destroy());
      return true;
    };
    await assert.rejects(world.ask(flundersPath));
    sample.override = () => true;
    const late = await world.ask(samplePath);
    assert.equal(late.status, 503);
    assert.equal(late.text, 'error trying to reach service: context deadline exceeded\n');
  });

  test('hangs: so many requests wait for it, the others are sent away, and nobody else is kept from anything', async (t) => {
    t.after(() => {
      sample.override = () => false;
    });
    let waiting = 0;
    sample.override = () => ++waiting > 0;
    const clients = await Promise.all([1, 2].map(() => world.connect()));
    const ask = (client: Http2Client, path: string) => client.request(path).catch(() => undefined);
    const held = Array.from({ length: limits.extensionRequestsInFlightMax }, (_, at) =>
      ask(clients[at % 2] as Http2Client, flundersPath),
    );
    await until('all of them wait', async () => waiting >= limits.extensionRequestsInFlightMax);
    const turnedAway = await world.ask(flundersPath);
    assert.equal(turnedAway.status, 429);
    assert.equal(turnedAway.headers['retry-after'], '1');
    assert.equal((await world.ask('/api/v1/namespaces')).status, 200);
    for (const client of clients) client.close();
    await Promise.all(held);
    sample.override = () => false;
    await until('there is room again', async () => (await world.ask(flundersPath)).status === 200);
  });

  test('has connections that are kept; one that was closed meanwhile costs no failure', async () => {
    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await world.ask(flundersPath)).status, 200);
      sample.cut();
    }
  });

  test('must be whom its APIService says', async () => {
    const wrong = await SampleApiServer.start();
    try {
      const before = await world.client.get(apiServices, { namespace: '', name: sampleName });
      const caBundle = Buffer.from(wrong.serving.authority).toString('base64');
      await world.client.update(apiServices, { ...before, spec: { ...before.spec, caBundle } } as APIService);
      const answer = await world.ask(flundersPath);
      assert.equal(answer.status, 503);
      assert.match(
        answer.text,
        /^error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n$/,
      );
      const { caBundle: _, ...spec } = before.spec ?? {};
      const now = await world.client.get(apiServices, { namespace: '', name: sampleName });
      await world.client.update(apiServices, { ...now, spec: { ...spec, insecureSkipTLSVerify: true } } as APIService);
      assert.equal((await world.ask(flundersPath)).status, 200);
    } finally {
      await wrong.stop();
    }
  });

  test('at this server’s own door, a front proxy says whom a request is from, and nobody else does', async () => {
    const folder = path.join(path.dirname(world.cluster.kubeconfig), 'certificates');
    const names = { file: 'front-proxy-ca', commonName: 'naru-front-proxy-ca' };
    const authority = await CertificateAuthority.open({ folder, clock, ...names });
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const asks = async (commonName: string, headers: Record<string, string | string[]>) => {
      const { certificate: cert, key } = await authority.issueClient({ user: commonName, groups: ['system:masters'] });
      const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, cert, key };
      return world.ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', options, JSON.stringify(review));
    };
    const headers = {
      'x-remote-user': 'jane',
      'x-remote-group': ['a, b', 'c'],
      'x-remote-extra-acme.com%2fproject': 'x',
    };
    const answer = await asks('front-proxy-client', headers);
    assert.deepEqual((answer.json()['status'] as JsonObject)['userInfo'], {
      username: 'jane',
      groups: ['a, b', 'c', 'system:authenticated'],
      extra: { 'acme.com/project': ['x'] },
    });
    assert.equal((await asks('system:admin', headers)).status, 401, 'the name is none that proxies bear');
    assert.equal((await asks('front-proxy-client', {})).status, 403, 'nobody is named: the request is anonymous');
    const own = await world.ask(
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { method: 'POST', headers },
      JSON.stringify(review),
    );
    assert.equal(((own.json()['status'] as JsonObject)['userInfo'] as JsonObject)['username'], 'naru-admin');
  });

  test('goes away with its APIService', async () => {
    await world.unregister();
    const { status, text: body } = await world.ask(flundersPath);
    assert.deepEqual([status, body], [404, '404 page not found\n']);
    assert.equal((await world.ask('/apis')).text.includes(sampleGroup), false);
  });
});
