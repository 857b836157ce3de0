/**
 * Ingresses and Gateways from the API to the wire: a control plane with its rules, a node's gateway with its own rights, the real HAProxy on its real ports,
 * and clients. What is wrong costs what is wrong, and is told; the rest keeps serving.
 */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import * as resources from '../../src/client/resources.ts';
import { TestAuthority } from '../../src/network/gateway/acme/testing.ts';
import { issueAuthority, issueLeaf } from '../../src/server/certificates/issue.ts';
import { GatewayCluster, nodeAddress } from './gateway-cluster.ts';
import { inOwnNetwork } from './own-network.ts';

const lifetime = { nowMs: Date.now(), lifetimeMs: 24 * 60 * 60_000 };

interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Asking {
  readonly host?: string;
  readonly port?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS, by the host's name. */
  readonly isSecure?: boolean;
  readonly agent?: https.Agent;
}

function ask(
  path: string,
  { host = 'good.example', port, headers = {}, isSecure = false, agent }: Asking = {},
): Promise<Answer> {
  const common = { host: nodeAddress, path, headers: { host, ...headers }, agent: agent ?? false };
  const request = isSecure
    ? https.request({ ...common, port: port ?? 443, servername: host, rejectUnauthorized: false })
    : http.request({ ...common, port: port ?? 80 });
  request.end();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
  });
}

/** Whom the certificate names that a server name gets. */
async function nameAt(servername: string, port = 443): Promise<string> {
  const socket = tls.connect({ host: nodeAddress, port, servername, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return String(socket.getPeerCertificate().subject.CN);
  } finally {
    socket.destroy();
  }
}

const sayName = (name: string) => http.createServer((request, response) => response.end(`${name} ${request.url}`));

const ingress = (
  name: string,
  host: string,
  more: { backend?: string; path?: string; annotations?: object; tls?: string } = {},
): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: ${JSON.stringify(more.annotations ?? {})}}
spec:
  ingressClassName: naru
  ${more.tls ? `tls: [{hosts: ["${host}"], secretName: ${more.tls}}]` : ''}
  rules:
  - host: "${host}"
    http: {paths: [{path: '${more.path ?? '/'}', pathType: ImplementationSpecific, backend: {service: {name: ${more.backend ?? 'web'}, port: {number: 80}}}}]}
`;

const routeOf = (kind: string, name: string, spec: object, namespace = 'default'): string =>
  JSON.stringify({ apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name, namespace }, spec });

const gatewayOf = (name: string, listeners: readonly object[]): string =>
  routeOf('Gateway', name, { gatewayClassName: 'naru', allowedListeners: { namespaces: { from: 'Same' } }, listeners });

const to = (name: string, more: object = {}): object[] => [{ name, port: 80, ...more }];

inOwnNetwork(import.meta.filename, () => {
  describe('The gateway of a cluster', () => {
    let lab: GatewayCluster;
    let issue: (...names: string[]) => Promise<Pair>;
    let authorityPem = '';

    const secret = ({ cert, key }: Pair, name: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name },
        stringData: { 'tls.crt': cert, 'tls.key': key },
      });

    before(async () => {
      const authority = await issueAuthority('Lab', lifetime);
      authorityPem = authority.certificate;
      const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
      issue = async (...names) => {
        const subject = { commonName: names[0] ?? '', organizations: [] };
        const { certificate: cert, key } = await issueLeaf(issuer, { ...lifetime, subject, usage: 'server', names });
        return { cert, key };
      };
      lab = await GatewayCluster.start();
      await lab.serve('web', sayName('web'));
      await lab.serve('api', sayName('api'));
      await lab.put(ingress('good', 'good.example'));
      await lab.becomes('the first Ingress is served', async () => assert.equal((await ask('/x')).body, 'web /x'));
    });
    after(() => lab.close());

    const isServed = async (): Promise<void> => assert.equal((await ask('/still')).body, 'web /still');

    test('bad Ingresses cost what is bad in them, and say so', async () => {
      const rows: readonly (readonly [string, RegExp])[] = [
        [
          ingress('lost', 'lost.example', { tls: 'lost' }),
          /Ingress lost SecretNotFound: spec\.tls\[0\]: there is no Secret lost/,
        ],
        [
          ingress('younger', 'good.example', { backend: 'api' }),
          /Ingress younger PathConflict: .*belongs to the older Ingress default\/good/,
        ],
        [
          ingress('regex', 'regex.example', {
            path: '/a(?=b)',
            annotations: { 'nginx.ingress.kubernetes.io/use-regex': 'true' },
          }),
          /Ingress regex BadPath: .*the regular expression .* is not taken/,
        ],
        [
          ingress('header', 'header.example', {
            annotations: { 'nginx.ingress.kubernetes.io/x-forwarded-prefix': 'a\r\nX-Evil: 1' },
          }),
          /Ingress header BadAnnotation: .*x-forwarded-prefix: must be one line/,
        ],
        [
          ingress('guard', 'guard.example', {
            annotations: { 'nginx.ingress.kubernetes.io/whitelist-source-range': 'home' },
          }),
          /Ingress guard BadAnnotation: .*503/,
        ],
        [ingress('gone', 'gone.example', { backend: 'gone' }), /Ingress gone ServiceNotFound: /],
      ];
      for (const [object] of rows) await lab.put(object);
      for (const [, event] of rows) await lab.isTold(event);
      await lab.becomes('what is left of them is served', async () => {
        const status = async (host: string, isSecure = false) => (await ask('/a', { host, isSecure })).status;
        assert.deepEqual(
          [
            await status('lost.example', true),
            await status('header.example'),
            await status('guard.example'),
            await status('gone.example'),
          ],
          [200, 200, 503, 503],
        );
        assert.equal(await status('regex.example'), 404);
      });
      await isServed();
    });

    test('a Service whose port clashes is refused by the API, and a listener whose port another program has is told of', async () => {
      const nodePort = (name: string): string =>
        `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}}`;
      await lab.put(nodePort('first'));
      await assert.rejects(lab.put(nodePort('second')), /30080.*provided port is already allocated/s);
      const other = net.createServer().listen(9443, nodeAddress);
      await once(other, 'listening');
      await lab.put(
        gatewayOf('taken', [{ name: 'taken', port: 9443, protocol: 'HTTP' }]),
        routeOf('HTTPRoute', 'taken', { parentRefs: [{ name: 'taken' }], rules: [{ backendRefs: to('web') }] }),
      );
      await lab.isTold(/HTTPRoute taken NotServed: port 9443 of this node cannot be opened/);
      await isServed();
      other.close();
    });

    test('bad routes are refused by the API or cost their rule, and their status says why', async () => {
      const bad = (name: string, rule: object): string =>
        routeOf('HTTPRoute', name, { parentRefs: [{ name: 'plain' }], hostnames: ['bad.example'], rules: [rule] });
      await lab.put(gatewayOf('plain', [{ name: 'http', port: 8080, protocol: 'HTTP' }]));
      await lab.put(
        bad('good-rule', { matches: [{ path: { type: 'PathPrefix', value: '/good' } }], backendRefs: to('web') }),
      );
      const change = { set: [{ name: 'x-a', value: 'a\r\nX-Evil: 1' }] };
      await lab.put(
        bad('odd-regex', {
          matches: [{ path: { type: 'RegularExpression', value: '/(?=x)' } }],
          backendRefs: to('web'),
        }),
        bad('odd-value', {
          matches: [{ path: { type: 'PathPrefix', value: '/odd' } }],
          filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: change }],
          backendRefs: to('web'),
        }),
      );
      await lab.becomes('the status of the bad expression', async () => {
        const { status } = await lab.get(resources.httpRoutes, 'odd-regex');
        const accepted = status?.parents[0]?.conditions?.find(({ type }) => type === 'Accepted');
        assert.equal(accepted?.status, 'False');
        assert.match(accepted?.message ?? '', /regular expression/);
      });
      await lab.isTold(/HTTPRoute odd-value NotServed: the value of a header holds control characters/);
      await lab.becomes('good rules are served, and bad ones are not', async () => {
        const asked = { host: 'bad.example', port: 8080 };
        assert.equal((await ask('/good', asked)).body, 'web /good');
        assert.equal((await ask('/odd', asked)).status, 500);
      });
      await isServed();
    });

    test('a certificate that changes is shown to who comes next, and connections that are open stay', async () => {
      const sockets = new WebSocketServer({ noServer: true });
      const server = sayName('live');
      server.on('upgrade', (request, socket, head) =>
        sockets.handleUpgrade(request, socket, head, (one) =>
          one.on('message', (data: Buffer) => one.send(String(data))),
        ),
      );
      await lab.serve('live', server);
      await lab.put(
        secret(await issue('live.example'), 'live'),
        ingress('live', 'live.example', { backend: 'live', tls: 'live' }),
      );
      await lab.becomes('its certificate is shown', async () =>
        assert.equal(await nameAt('live.example'), 'live.example'),
      );
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const overKept = async (): Promise<string> =>
        (await ask('/kept', { host: 'live.example', isSecure: true, agent })).body;
      const local = (): number | undefined => Object.values(agent.freeSockets)[0]?.[0]?.localPort;
      assert.equal(await overKept(), 'live /kept');
      const portBefore = local();
      const socket = new WebSocket(`wss://${nodeAddress}/ws`, {
        headers: { host: 'live.example' },
        rejectUnauthorized: false,
      });
      await once(socket, 'open');
      await lab.put(secret(await issue('renewed.example', 'live.example'), 'live'));
      await lab.becomes('the new one is shown', async () =>
        assert.equal(await nameAt('live.example'), 'renewed.example'),
      );
      assert.equal(await overKept(), 'live /kept');
      assert.equal(local(), portBefore);
      socket.send('hello');
      const [echo] = (await once(socket, 'message')) as [Buffer];
      assert.equal(String(echo), 'hello');
      socket.terminate();
      agent.destroy();
      // One that is broken takes the default's place, and is told.
      await lab.put(secret({ ...(await issue('x.example')), key: (await issue('y.example')).key }, 'live'));
      await lab.isTold(/Ingress live BadSecret: .*tls\.key does not belong/);
      assert.equal((await ask('/', { host: 'live.example', isSecure: true })).body, 'live /');
    });

    test('TLS goes on to a second machine by name, with the client in a PROXY header, beside names that end here', async () => {
      const seen: string[] = [];
      const { cert, key } = await issue('second.example');
      const second = net.createServer((socket: Socket) => readProxy(socket, seen, { cert, key }));
      await lab.serve('second', second, { annotations: { 'naru.io/proxy-protocol': 'v1' } });
      await lab.put(
        secret(await issue('*.wild.example'), 'wild'),
        ingress('second', 'second.example', {
          backend: 'second',
          annotations: { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' },
        }),
        ingress('wild', '*.wild.example', { tls: 'wild' }),
      );
      await lab.becomes('the second machine answers', async () =>
        assert.equal(await nameAt('second.example'), 'second.example'),
      );
      assert.match(seen.at(-1) ?? '', /^PROXY TCP4 10\.99\.0\.1 10\.99\.0\.1 \d+ 443\r\n$/);
      await lab.becomes('a wildcard is shown', async () =>
        assert.equal(await nameAt('a.wild.example'), '*.wild.example'),
      );
      assert.equal((await ask('/w', { host: 'b.wild.example', isSecure: true })).body, 'web /w');
      await isServed();
    });

    test('twenty domains get their certificates by themselves', async () => {
      const acme = await TestAuthority.start({ gatewayPort: () => 80 });
      const settings = {
        acme: { termsAgreed: true, email: 'ops@a.example', directory: acme.directory, caBundle: acme.caBundle },
      };
      await lab.put(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { namespace: 'kube-system', name: 'naru-network' },
          data: { 'network.yaml': JSON.stringify(settings) },
        }),
      );
      const names = Array.from({ length: 20 }, (_, index) => `site${index}.example`);
      for (const [index, name] of names.entries()) {
        await lab.put(
          ingress(`site${index}`, name, { tls: `site${index}-tls`, annotations: { 'naru.io/acme': 'true' } }),
        );
      }
      const showOwn = async (): Promise<void> => {
        for (const name of names) {
          const socket = tls.connect({ host: nodeAddress, port: 443, servername: name, ca: acme.caBundle });
          await once(socket, 'secureConnect');
          socket.destroy();
        }
      };
      try {
        await lab.becomes('each domain shows its own', showOwn, 150_000);
        assert.deepEqual([...new Set(acme.validated)].sort(), names.toSorted());
        assert.equal(acme.accountCount, 1);
      } finally {
        await acme.close();
      }
      await isServed();
    });

    test('gRPC and HTTP/2 without TLS reach their servers, by method', async () => {
      const grpc = http2.createServer();
      grpc.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-path': headers[':path'] ?? '' }));
        stream.end(Buffer.from([0, 0, 0, 0, 0]));
      });
      await lab.serve('grpc', grpc);
      await lab.put(
        secret(await issue('grpc.example'), 'grpc'),
        gatewayOf('secure', [
          {
            name: 'https',
            port: 8443,
            protocol: 'HTTPS',
            hostname: 'grpc.example',
            tls: { certificateRefs: [{ name: 'grpc' }] },
          },
        ]),
        routeOf('GRPCRoute', 'grpc', {
          parentRefs: [{ name: 'secure' }],
          rules: [{ matches: [{ method: { service: 'shop.Orders', method: 'List' } }], backendRefs: to('grpc') }],
        }),
      );
      const call = async (path: string): Promise<readonly [unknown, unknown]> => {
        const session = http2.connect(`https://${nodeAddress}:8443`, {
          servername: 'grpc.example',
          rejectUnauthorized: false,
        });
        session.on('error', () => {});
        try {
          const headers = {
            ':method': 'POST',
            ':path': path,
            ':authority': 'grpc.example',
            'content-type': 'application/grpc',
            te: 'trailers',
          };
          const stream = session.request(headers);
          const trailers = once(stream, 'trailers').catch(() => [{}]);
          stream.resume().end(Buffer.from([0, 0, 0, 0, 0]));
          const [answer] = (await once(stream, 'response')) as [
            http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader,
          ];
          if (answer[':status'] !== 200) return [answer[':status'], undefined];
          const [last] = (await trailers) as [http2.IncomingHttpHeaders];
          return [last['grpc-status'], last['x-path']];
        } finally {
          session.destroy();
        }
      };
      await lab.becomes('a call is answered', async () =>
        assert.deepEqual(await call('/shop.Orders/List'), ['0', '/shop.Orders/List']),
      );
      assert.deepEqual(await call('/shop.Orders/Delete'), [404, undefined]);
    });

    test('another namespace is reached with its grant alone, and no longer than it is there', async () => {
      await lab.put('{apiVersion: v1, kind: Namespace, metadata: {name: other}}');
      await lab.serve('theirs', sayName('theirs'), { namespace: 'other' });
      await lab.put(
        gatewayOf('plain', [{ name: 'http', port: 8080, protocol: 'HTTP' }]),
        routeOf('HTTPRoute', 'theirs', {
          parentRefs: [{ name: 'plain' }],
          hostnames: ['theirs.example'],
          rules: [{ backendRefs: to('theirs', { namespace: 'other' }) }],
        }),
      );
      const outcome = async (): Promise<string> => {
        const { status, body } = await ask('/', { host: 'theirs.example', port: 8080 });
        const { status: told } = await lab.get(resources.httpRoutes, 'theirs');
        const refs = told?.parents[0]?.conditions?.find(({ type }) => type === 'ResolvedRefs');
        return `${status === 200 ? body : status} ${refs?.reason}`;
      };
      await lab.becomes('without', async () => assert.equal(await outcome(), '500 RefNotPermitted'));
      const grant = {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'ReferenceGrant',
        metadata: { name: 'grant', namespace: 'other' },
        spec: {
          from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
          to: [{ group: '', kind: 'Service' }],
        },
      };
      await lab.put(JSON.stringify(grant));
      await lab.becomes('with', async () => assert.equal(await outcome(), 'theirs / ResolvedRefs'));
      await lab.remove(grant);
      await lab.becomes('without again', async () => assert.equal(await outcome(), '500 RefNotPermitted'));
    });

    test('backends are spoken to by TLS and checked, once a policy says so', async () => {
      const pair = await issue('inner.example');
      await lab.serve(
        'inner',
        https.createServer({ ...pair }, (request, response) => response.end(`inner ${request.url}`)),
      );
      await lab.put(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'lab-ca' },
          data: { 'ca.crt': authorityPem },
        }),
        routeOf('HTTPRoute', 'inner', {
          parentRefs: [{ name: 'plain' }],
          hostnames: ['inner.example'],
          rules: [{ backendRefs: to('inner') }],
        }),
      );
      const policy = (hostname: string): string =>
        routeOf('BackendTLSPolicy', 'inner', {
          targetRefs: [{ group: '', kind: 'Service', name: 'inner' }],
          validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'lab-ca' }], hostname },
        });
      const answer = async (): Promise<string> => {
        const { status, body } = await ask('/i', { host: 'inner.example', port: 8080 });
        return status === 200 ? body : String(status);
      };
      await lab.put(policy('inner.example'));
      await lab.becomes('by TLS', async () => assert.equal(await answer(), 'inner /i'));
      await lab.put(policy('else.example'));
      await lab.becomes('its certificate is not for this name', async () => assert.equal(await answer(), '503'));
    });

    test('listeners of a ListenerSet, bytes of TCP, and TLS that ends here', async () => {
      const echo = net.createServer((socket) => socket.pipe(socket));
      await lab.serve('echo', echo);
      const listeners = [
        { name: 'tcp', port: 9000, protocol: 'TCP' },
        {
          name: 'tls',
          port: 9001,
          protocol: 'TLS',
          hostname: 'bytes.example',
          tls: { mode: 'Terminate', certificateRefs: [{ name: 'bytes' }] },
        },
      ];
      const parent = { kind: 'ListenerSet', group: 'gateway.networking.k8s.io', name: 'more' };
      await lab.put(
        secret(await issue('bytes.example'), 'bytes'),
        routeOf('ListenerSet', 'more', { parentRef: { name: 'plain' }, listeners }),
        routeOf('TCPRoute', 'echo', {
          parentRefs: [{ ...parent, sectionName: 'tcp' }],
          rules: [{ backendRefs: to('echo') }],
        }),
        routeOf('TLSRoute', 'bytes', {
          parentRefs: [{ ...parent, sectionName: 'tls' }],
          hostnames: ['bytes.example'],
          rules: [{ backendRefs: to('echo') }],
        }),
      );
      const said = async (socket: Socket): Promise<string> => {
        socket.write('hello');
        try {
          const [text] = (await once(socket, 'data')) as [Buffer];
          return String(text);
        } finally {
          socket.destroy();
        }
      };
      await lab.becomes('bytes come back', async () =>
        assert.equal(await said(net.connect(9000, nodeAddress)), 'hello'),
      );
      const secure = () =>
        tls.connect({ host: nodeAddress, port: 9001, servername: 'bytes.example', ca: authorityPem });
      await lab.becomes('bytes in TLS come back', async () => assert.equal(await said(secure()), 'hello'));
      await lab.becomes('its status says so', async () => {
        const { status } = await lab.get(resources.listenerSets, 'more');
        const conditions = (status?.conditions ?? []).map((one) => `${one.type}=${one.status}/${one.reason}`);
        assert.ok(conditions.includes('Programmed=True/Programmed'), JSON.stringify(status));
      });
    });
  });
});

/** Notes the header, and speaks TLS after it. */
function readProxy(socket: Socket, seen: string[], pair: Pair): void {
  socket.on('error', () => {});
  socket.once('readable', () => {
    let header = '';
    while (!header.endsWith('\n')) {
      const byte = socket.read(1) as Buffer | null;
      if (byte === null) break;
      header += String(byte);
    }
    seen.push(header);
    const secure = new tls.TLSSocket(socket, { isServer: true, ...pair });
    secure.on('error', () => {});
  });
}
