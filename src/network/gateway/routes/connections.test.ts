/** Routes of connections (TLS, TCP, UDP) and TLS towards backends, case by case as upstream's conformance tests ask. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Condition } from '../../../api/schema/types/gateway-v1.ts';
import { conditionsText, GatewayWorld, gateway, grant, http, make, route, to, type WorldOptions } from './testing.ts';

const isServed = 'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs';
const passthrough = (more: object = {}): object => ({
  name: 'pass',
  port: 443,
  protocol: 'TLS',
  tls: { mode: 'Passthrough' },
  ...more,
});
const terminated = (more: object = {}): object => ({
  name: 'term',
  port: 443,
  protocol: 'TLS',
  tls: { mode: 'Terminate', certificateRefs: [{ name: 'web' }] },
  ...more,
});
const rules = (backend = 'v1:80') => [{ backendRefs: to(backend) }];
const tlsRoute = (name: string, hostnames: string[], backend?: string, parents = 'gw') =>
  route('TLSRoute', name, parents, { hostnames, rules: rules(backend) });
const options: WorldOptions = { services: ['v1:80', 'v2:80'], certificates: { web: ['*.example'] } };

void describe('TLSRoutes', () => {
  void test('connections go on as they are, by server name', () => {
    const world = new GatewayWorld(
      [
        gateway('gw', [passthrough()]),
        tlsRoute('a', ['a.example', '*.wild.example'], 'v1:80'),
        tlsRoute('b', ['b.wild.example', 'a.example'], 'v2:80'),
      ],
      options,
    );
    assert.equal(world.connect(443, 'a.example'), 'passed to v1:80');
    assert.equal(world.connect(443, 'x.y.wild.example'), 'passed to v1:80');
    assert.equal(world.connect(443, 'b.wild.example'), 'passed to v2:80');
    assert.equal(world.connect(443, 'other.example'), 'refused');
    assert.equal(world.plan.entries[0]?.protocol, 'tls');
    assert.equal(world.listener('gw', 'pass').attachedRoutes, 2);
  });

  void test('or end here, and what is in them goes on', () => {
    const world = new GatewayWorld([gateway('gw', [terminated()]), tlsRoute('a', ['a.example'])], options);
    assert.equal(world.connect(443, 'a.example'), 'opened for v1:80');
    assert.deepEqual(
      world.plan.entries[0]?.certificates.map(({ serverName }) => serverName),
      ['*'],
    );
  });

  void test('both ways share a port by name; HTTPS shares it with what passes', () => {
    const mixed = [passthrough({ hostname: 'pass.example' }), terminated({ hostname: 'term.example' })];
    const world = new GatewayWorld(
      [gateway('gw', mixed), tlsRoute('p', ['pass.example'], 'v1:80'), tlsRoute('t', ['term.example'], 'v2:80')],
      options,
    );
    assert.equal(world.connect(443, 'pass.example'), 'passed to v1:80');
    assert.equal(world.connect(443, 'term.example'), 'opened for v2:80');
    assert.deepEqual(
      [world.listener('gw', 'pass').attachedRoutes, world.listener('gw', 'term').attachedRoutes],
      [1, 1],
    );
    const https = {
      name: 'https',
      port: 443,
      protocol: 'HTTPS',
      hostname: 'web.example',
      tls: { certificateRefs: [{ name: 'web' }] },
    };
    const withHttps = new GatewayWorld(
      [
        gateway('gw', [passthrough({ hostname: 'pass.example' }), https]),
        tlsRoute('p', ['pass.example'], 'v1:80'),
        route('HTTPRoute', 'h', 'gw', { rules: rules('v2:80') }),
      ],
      options,
    );
    assert.equal(withHttps.connect(443, 'pass.example'), 'passed to v1:80');
    assert.equal(withHttps.ask({ scheme: 'https', host: 'web.example' }), 'v2:80');
    const clash = new GatewayWorld([gateway('gw', [terminated({ hostname: 'term.example' }), https])], options);
    assert.match(clash.listener('gw', 'term').text, /^Accepted=False\/ProtocolConflict/);
  });

  void test('need a listener for them, with a name of theirs', () => {
    const said = (listeners: object[], parents = 'gw') =>
      new GatewayWorld([gateway('gw', listeners), tlsRoute('r', ['a.example'], 'v1:80', parents)], options)
        .conditions('TLSRoute', 'r')
        .split(' ')[0];
    const https = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'web' }] } };
    assert.equal(said([http()]), 'Accepted=False/NotAllowedByListeners');
    assert.equal(said([https]), 'Accepted=False/NotAllowedByListeners');
    assert.equal(said([passthrough()], 'gw#nobody'), 'Accepted=False/NoMatchingParent');
    assert.equal(said([passthrough({ hostname: 'b.example' })]), 'Accepted=False/NoMatchingListenerHostname');
    assert.equal(said([passthrough({ hostname: '*.b.example' })]), 'Accepted=False/NoMatchingListenerHostname');
    assert.equal(said([passthrough({ hostname: '*.example' })]), 'Accepted=True/Accepted');
  });

  void test('whose backends are not there say why, and connect nobody', () => {
    const cases: readonly (readonly [string, object])[] = [
      ['BackendNotFound', to('nobody:80')[0] ?? {}],
      ['InvalidKind', { name: 'v1', port: 80, kind: 'NonExistent' }],
      ['RefNotPermitted', to('far/v1:80')[0] ?? {}],
    ];
    for (const [reason, backend] of cases) {
      const it = route('TLSRoute', 'r', 'gw', { hostnames: ['a.example'], rules: [{ backendRefs: [backend] }] });
      const world = new GatewayWorld([gateway('gw', [passthrough()]), it], options);
      assert.equal(world.conditions('TLSRoute', 'r'), `Accepted=True/Accepted ResolvedRefs=False/${reason}`);
      assert.equal(world.connect(443, 'a.example'), 'passed to nobody');
    }
  });
});

void describe('TCPRoutes', () => {
  const tcp = (port: number): object => ({ name: `tcp-${port}`, port, protocol: 'TCP' });
  const tcpRoute = (name: string, backends: string[], parents = 'gw', metadata: object = {}) =>
    route('TCPRoute', name, parents, { rules: [{ backendRefs: to(...backends) }] }, metadata);
  const targets = (world: GatewayWorld, port: number): string =>
    (world.plan.entries.find((entry) => entry.port === port)?.targets ?? [])
      .map(
        ({ backend, weight, unresolvedStatus }) =>
          `${unresolvedStatus ? 'nobody' : backend.replace(/.*\/|~.*/g, '')}*${weight}`,
      )
      .join(' ');

  void test('have all TCP listeners of a parent, or the one that they name, with weights', () => {
    const world = new GatewayWorld(
      [
        gateway('gw', [tcp(1), tcp(2), http()]),
        tcpRoute('all', ['v1:80*9', 'v2:80*1']),
        tcpRoute('one', ['v2:80'], 'gw#tcp-2'),
      ],
      options,
    );
    assert.equal(targets(world, 1), 'v1:80*9 v2:80*1');
    assert.equal(world.conditions('TCPRoute', 'all'), isServed);
    assert.deepEqual(
      ['tcp-1', 'tcp-2', 'http-80'].map((name) => world.listener('gw', name).attachedRoutes),
      [1, 2, 0],
    );
  });

  void test('of several for a listener the oldest has the connections, and all are accepted', () => {
    const world = new GatewayWorld(
      [
        gateway('gw', [tcp(1)]),
        tcpRoute('young', ['v2:80'], 'gw', { creationTimestamp: '2026-02-01T00:00:00Z' }),
        tcpRoute('old', ['v1:80'], 'gw', { creationTimestamp: '2026-01-01T00:00:00Z' }),
      ],
      options,
    );
    assert.equal(targets(world, 1), 'v1:80*1');
    assert.deepEqual(
      [world.conditions('TCPRoute', 'young'), world.conditions('TCPRoute', 'old')],
      [isServed, isServed],
    );
    assert.equal(world.listener('gw', 'tcp-1').attachedRoutes, 2);
  });

  void test('need a TCP listener, backends that are there, and grants', () => {
    const wrong = new GatewayWorld([gateway('gw', [http(), tcp(1)]), tcpRoute('r', ['v1:80'], 'gw#http-80')], options);
    assert.match(wrong.conditions('TCPRoute', 'r'), /^Accepted=False\/NotAllowedByListeners/);
    const missing = new GatewayWorld([gateway('gw', [tcp(1)]), tcpRoute('r', ['nobody:80'])], options);
    assert.match(missing.conditions('TCPRoute', 'r'), /ResolvedRefs=False\/BackendNotFound/);
    assert.equal(targets(missing, 1), 'nobody*1');
    const far = (...grants: ReturnType<typeof grant>[]) =>
      new GatewayWorld([gateway('gw', [tcp(1)]), tcpRoute('r', ['far/v1:80']), ...grants], {
        services: ['far/v1:80'],
      }).conditions('TCPRoute', 'r');
    assert.match(far(), /ResolvedRefs=False\/RefNotPermitted/);
    assert.equal(far(grant('far', 'TCPRoute', 'default', 'Service')), isServed);
  });

  void test('UDP is carried by nobody: its listeners say so, and its routes find none', () => {
    const udp = { name: 'udp', port: 53, protocol: 'UDP' };
    const world = new GatewayWorld(
      [gateway('gw', [udp, tcp(1)]), route('UDPRoute', 'r', 'gw', { rules: rules('dns:53') })],
      { services: ['dns:53/UDP'] },
    );
    assert.match(world.listener('gw', 'udp').text, /^Accepted=False\/UnsupportedProtocol/);
    assert.equal(
      world.conditions('UDPRoute', 'r'),
      'Accepted=False/NotAllowedByListeners ResolvedRefs=True/ResolvedRefs',
    );
  });
});

void describe('BackendTLSPolicies', () => {
  const policy = (name: string, validation: object, more: object = {}, metadata: object = {}) =>
    make(
      'BackendTLSPolicy',
      name,
      { targetRefs: [{ group: '', kind: 'Service', name: 'v1', ...more }], validation },
      metadata,
    );
  const byAuthority = (name: string) => ({
    hostname: 'b.example',
    caCertificateRefs: [{ group: '', kind: 'ConfigMap', name }],
  });
  const base = [gateway('gw', [http()]), route('HTTPRoute', 'r', 'gw', { rules: rules() })];
  const world = (...policies: ReturnType<typeof policy>[]) =>
    new GatewayWorld([...base, ...policies], { ...options, authorities: ['ca'] });
  const backendOf = (it: GatewayWorld) => [...it.plan.backends.values()][0];
  const accepted = 'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs';
  const said = (it: GatewayWorld, name = 'p'): string => {
    const { ancestors = [] } = it.statusOf('BackendTLSPolicy', name) as {
      ancestors?: { ancestorRef: { name: string }; conditions: Condition[] }[];
    };
    return ancestors.map((each) => `${each.ancestorRef.name}: ${conditionsText(each.conditions)}`).join();
  };

  void test('backends are spoken to by TLS and checked, by a ConfigMap or by what the machine trusts', () => {
    const own = world(policy('p', byAuthority('ca')));
    assert.equal(said(own), `gw: ${accepted}`);
    assert.equal(backendOf(own)?.protocol, 'https');
    assert.deepEqual(backendOf(own)?.tls, {
      serverName: 'b.example',
      authorities: 'CA default/ca',
      verifiedNames: ['b.example'],
    });
    const names = [{ type: 'Hostname', hostname: 'x.example' }];
    const system = world(
      policy('p', { hostname: 'b.example', wellKnownCACertificates: 'System', subjectAltNames: names }),
    );
    assert.deepEqual(backendOf(system)?.tls, {
      serverName: 'b.example',
      authorities: 'system',
      verifiedNames: ['x.example'],
    });
  });

  void test('what cannot be checked is not spoken to', () => {
    for (const [reason, validation] of [
      ['InvalidCACertificateRef', byAuthority('nobody')],
      ['InvalidKind', { hostname: 'b.example', caCertificateRefs: [{ group: '', kind: 'Pod', name: 'ca' }] }],
    ] as const) {
      const it = world(policy('p', validation));
      assert.equal(said(it), `gw: Accepted=False/NoValidCACertificate ResolvedRefs=False/${reason}`);
      assert.equal(it.ask({}), '500');
    }
    const uri = world(
      policy('p', {
        hostname: 'b.example',
        wellKnownCACertificates: 'System',
        subjectAltNames: [{ type: 'URI', uri: 'spiffe://a' }],
      }),
    );
    assert.equal(said(uri), 'gw: Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs');
    assert.equal(uri.ask({}), '500');
  });

  void test('of two for the same the older counts', () => {
    const it = world(
      policy('old', byAuthority('ca')),
      policy('young', { ...byAuthority('ca'), hostname: 'other.example' }),
    );
    assert.equal(said(it, 'old'), `gw: ${accepted}`);
    assert.equal(said(it, 'young'), 'gw: Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs');
    assert.equal(backendOf(it)?.tls?.serverName, 'b.example');
  });

  void test('one of which no Gateway has a route is not spoken of', () => {
    const it = world(policy('p', byAuthority('ca'), { name: 'v2' }));
    assert.equal(it.statusOf('BackendTLSPolicy', 'p'), undefined);
  });

  void test('connections that pass as they are stay so, and those that end here are sealed again', () => {
    const all = (listener: object) => [
      gateway('gw', [listener]),
      tlsRoute('r', ['a.example']),
      policy('p', byAuthority('ca')),
    ];
    const sealed = (listener: object) =>
      backendOf(new GatewayWorld(all(listener), { ...options, authorities: ['ca'] }))?.protocol;
    assert.equal(sealed(passthrough()), 'tcp');
    assert.equal(sealed(terminated()), 'tls');
  });

  void test('a Gateway shows its own certificate, and says what is wrong with it', () => {
    const withClient = (reference: object, ...more: ReturnType<typeof grant>[]) => {
      const tls = { backend: { clientCertificateRef: reference } };
      const all = [
        gateway('gw', [http()], { tls }),
        route('HTTPRoute', 'r', 'gw', { rules: rules() }),
        policy('p', byAuthority('ca')),
        ...more,
      ];
      return new GatewayWorld(all, {
        ...options,
        authorities: ['ca'],
        certificates: { web: ['me'], 'far/web': ['me'] },
      });
    };
    const good = withClient({ name: 'web' });
    assert.equal(backendOf(good)?.tls?.clientCertificate?.id, 'default/web');
    assert.match(good.conditions('Gateway', 'gw'), /ResolvedRefs=True\/ResolvedRefs$/);
    const bad = (reference: object) => withClient(reference).conditions('Gateway', 'gw').split(' ').at(-1);
    assert.equal(bad({ name: 'nobody' }), 'ResolvedRefs=False/InvalidClientCertificateRef');
    assert.equal(bad({ name: 'web', kind: 'WrongKind' }), 'ResolvedRefs=False/InvalidClientCertificateRef');
    assert.equal(bad({ name: 'web', namespace: 'far' }), 'ResolvedRefs=False/RefNotPermitted');
    const granted = withClient({ name: 'web', namespace: 'far' }, grant('far', 'Gateway', 'default', 'Secret'));
    assert.equal(backendOf(granted)?.tls?.clientCertificate?.id, 'far/web');
  });
});
