/** What Gateways, their listeners and ListenerSets say of themselves, case by case as upstream's conformance tests ask. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import type { GatewayStatus } from '../../../api/schema/types/gateway-v1.ts';
import { fromAll, GatewayWorld, gateway, grant, http, make, route, to, type WorldOptions } from './testing.ts';

const isOpen = 'Accepted=True/Accepted Programmed=True/Programmed ResolvedRefs=True/ResolvedRefs';
const https = (refs: object[], more: object = {}): object => ({
  name: 'https',
  port: 443,
  protocol: 'HTTPS',
  tls: { certificateRefs: refs },
  ...more,
});
const rules = [{ backendRefs: to('v1:80') }];
const services = ['v1:80', 'v2:80'];

void describe('a Gateway', () => {
  void test('with one listener is accepted and open, at the addresses of the nodes', () => {
    const world = new GatewayWorld([gateway('gw', [http()])], { addresses: ['192.0.2.1', '2001:db8::1'] });
    assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=True/Accepted Programmed=True/Programmed');
    assert.equal(world.listener('gw', 'http-80').text, isOpen);
    assert.deepEqual((world.statusOf('Gateway', 'gw') as GatewayStatus).addresses, [
      { type: 'IPAddress', value: '192.0.2.1' },
      { type: 'IPAddress', value: '2001:db8::1' },
    ]);
  });

  void test('waits for an address where no node is there for it', () => {
    const world = new GatewayWorld([gateway('gw', [http()])], { addresses: [] });
    assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=True/Accepted Programmed=False/AddressNotAssigned');
  });

  void test('gets addresses that it asks for only if a node has them', () => {
    const said = (...asked: object[]) => {
      const world = new GatewayWorld([gateway('gw', [http()], { addresses: asked })], {
        addresses: ['192.0.2.1', '192.0.2.2'],
      });
      const { addresses = [] } = world.statusOf('Gateway', 'gw') as GatewayStatus;
      return `${world.conditions('Gateway', 'gw')} ${addresses.map(({ value }) => value).join()}`;
    };
    assert.equal(said({ value: '192.0.2.2' }), 'Accepted=True/Accepted Programmed=True/Programmed 192.0.2.2');
    assert.equal(said({ value: '192.0.2.9' }), 'Accepted=True/Accepted Programmed=False/AddressNotUsable ');
    assert.equal(said({ type: 'Hostname', value: 'a.example' }).split(' ')[0], 'Accepted=False/UnsupportedAddress');
    assert.equal(said({ type: 'IPAddress' }), 'Accepted=True/Accepted Programmed=True/Programmed 192.0.2.1,192.0.2.2');
  });

  void test('and its class take no parameters', () => {
    const infrastructure = { parametersRef: { group: '', kind: 'ConfigMap', name: 'p' } };
    const world = new GatewayWorld(
      [gateway('gw', [http()], { infrastructure }), route('HTTPRoute', 'r', 'gw', { rules })],
      { services },
    );
    assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=False/InvalidParameters Programmed=False/Invalid');
    assert.equal(world.ask({}), 'refused');
    const odd = make('GatewayClass', 'odd', {
      controllerName: 'naru.io/gateway',
      parametersRef: { group: '', kind: 'ConfigMap', name: 'p' },
    });
    const ofOdd = new GatewayWorld([odd, make('Gateway', 'gw', { gatewayClassName: 'odd', listeners: [http()] })]);
    assert.equal(
      ofOdd.conditions('GatewayClass', 'odd'),
      'Accepted=False/InvalidParameters SupportedVersion=True/SupportedVersion',
    );
    assert.equal(ofOdd.conditions('Gateway', 'gw'), 'Accepted=False/InvalidParameters Programmed=False/Invalid');
  });

  void test('of a class of ours tells which features there are, in order and each once', () => {
    const { supportedFeatures } = new GatewayWorld([]).statusOf('GatewayClass', 'naru') as {
      supportedFeatures: { name: string }[];
    };
    const names = supportedFeatures.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)].sort());
    assert.ok(names.length <= 64 && names.includes('HTTPRoute') && !names.includes('UDPRoute'));
  });
});

void describe('a listener', () => {
  void test('of a protocol that is not served is not accepted, nor a Gateway that has no other', () => {
    for (const protocol of ['UDP', 'example.com/quic']) {
      const odd = { name: 'odd', port: 53, protocol };
      const alone = new GatewayWorld([gateway('gw', [odd])]);
      assert.equal(alone.conditions('Gateway', 'gw'), 'Accepted=False/ListenersNotValid Programmed=False/Invalid');
      const { text, supportedKinds, attachedRoutes } = alone.listener('gw', 'odd');
      assert.equal(text, 'Accepted=False/UnsupportedProtocol Programmed=False/Invalid ResolvedRefs=True/ResolvedRefs');
      assert.deepEqual([supportedKinds, attachedRoutes], [[], 0]);
      const both = new GatewayWorld([gateway('gw', [odd, http()])]);
      assert.equal(both.conditions('Gateway', 'gw'), 'Accepted=True/ListenersNotValid Programmed=True/Programmed');
      assert.equal(both.listener('gw', 'http-80').text, isOpen);
    }
  });

  void test('serves the kinds that fit its protocol, and tells of others', () => {
    const kinds = (wanted: string[], more: object = {}): [string, string] => {
      const allowedRoutes = { kinds: wanted.map((kind) => ({ kind })) };
      const { text, supportedKinds = [] } = new GatewayWorld([
        gateway('gw', [http(80, { allowedRoutes, ...more })]),
      ]).listener('gw', 'http-80');
      return [supportedKinds.map(({ kind }) => kind).join(), text.split(' ')[2] ?? ''];
    };
    assert.deepEqual(kinds([]), ['HTTPRoute,GRPCRoute', 'ResolvedRefs=True/ResolvedRefs']);
    assert.deepEqual(kinds(['HTTPRoute']), ['HTTPRoute', 'ResolvedRefs=True/ResolvedRefs']);
    assert.deepEqual(kinds(['InvalidRoute']), ['', 'ResolvedRefs=False/InvalidRouteKinds']);
    assert.deepEqual(kinds(['InvalidRoute', 'HTTPRoute']), ['HTTPRoute', 'ResolvedRefs=False/InvalidRouteKinds']);
    const tls = { name: 'http-80', protocol: 'TLS', tls: { mode: 'Passthrough' } };
    assert.deepEqual(kinds(['TCPRoute', 'TLSRoute'], tls), ['TLSRoute', 'ResolvedRefs=False/InvalidRouteKinds']);
  });

  void test('without a good certificate is closed, counts its routes all the same, and says why', () => {
    const cases: readonly (readonly [string, object, WorldOptions])[] = [
      ['InvalidCertificateRef', { name: 'nobody' }, {}],
      [
        'InvalidCertificateRef',
        { name: 'web', group: 'wrong.group.company.io' },
        { certificates: { web: ['a.example'] } },
      ],
      ['InvalidCertificateRef', { name: 'web', kind: 'WrongKind' }, { certificates: { web: ['a.example'] } }],
      ['InvalidCertificateRef', { name: 'web' }, { badSecrets: ['web'] }],
      ['RefNotPermitted', { name: 'web', namespace: 'certs' }, { certificates: { 'certs/web': ['a.example'] } }],
    ];
    for (const [reason, reference, options] of cases) {
      const world = new GatewayWorld(
        [gateway('gw', [https([reference])]), route('HTTPRoute', 'r', 'gw', { rules })],
        options,
      );
      const { text, attachedRoutes } = world.listener('gw', 'https');
      assert.equal(text, `Accepted=True/Accepted Programmed=False/Invalid ResolvedRefs=False/${reason}`);
      assert.equal(attachedRoutes, 1);
      assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=True/Accepted Programmed=False/Invalid');
      assert.equal(world.ask({ scheme: 'https' }), 'refused');
    }
  });

  void test('uses certificates of another namespace where that grants it', () => {
    const options = { certificates: { 'certs/web': ['a.example'] }, services };
    const said = (...grants: ReturnType<typeof grant>[]) =>
      new GatewayWorld([gateway('gw', [https([{ name: 'web', namespace: 'certs' }])]), ...grants], options).listener(
        'gw',
        'https',
      ).text;
    assert.equal(said(grant('certs', 'Gateway', 'default', 'Secret')), isOpen);
    assert.equal(said(grant('certs', 'Gateway', 'default', 'Secret', 'web')), isOpen);
    const refused = 'Accepted=True/Accepted Programmed=False/Invalid ResolvedRefs=False/RefNotPermitted';
    assert.equal(said(grant('certs', 'Gateway', 'default', 'Secret', 'other')), refused);
    assert.equal(said(grant('certs', 'HTTPRoute', 'default', 'Secret')), refused);
    assert.equal(said(grant('certs', 'Gateway', 'elsewhere', 'Secret')), refused);
  });

  void test('shows the first certificate for its names, and the others for their own among these', () => {
    const listener = https([{ name: 'one' }, { name: 'two' }], { hostname: '*.example' });
    const world = new GatewayWorld([gateway('gw', [listener])], {
      certificates: { one: ['*.example'], two: ['b.example', 'b.test'] },
    });
    const [entry] = world.plan.entries;
    assert.deepEqual(
      entry?.certificates.map(({ serverName, id }) => `${serverName} ${id}`),
      ['*.example default/one', 'b.example default/two'],
    );
  });

  void test('asks clients for certificates as its Gateway says, by port', () => {
    const listeners = [https([{ name: 'web' }]), { ...https([{ name: 'web' }]), name: 'other', port: 8443 }, http()];
    const validation = (kind: string, name: string, more: object = {}): object => ({
      validation: { caCertificateRefs: [{ group: '', kind, name, ...more }] },
    });
    const said = (frontend: object) => {
      const world = new GatewayWorld([gateway('gw', listeners, { tls: { frontend } })], {
        certificates: { web: ['a.example'] },
        authorities: ['ca', 'far/ca'],
      });
      const texts = ['https', 'other', 'http-80'].map((name) =>
        world.listener('gw', name).text.replaceAll(/(Accepted|Programmed|ResolvedRefs)=/g, ''),
      );
      const asked = world.plan.entries.map(({ certificates }) => certificates[0]?.clientAuthorities);
      return { world, texts, asked };
    };
    const open = 'True/Accepted True/Programmed True/ResolvedRefs';
    const good = said({ default: validation('ConfigMap', 'ca'), perPort: [{ port: 8443, tls: {} }] });
    assert.deepEqual(good.texts, [open, open, open]);
    assert.deepEqual(good.asked, [{ pem: 'CA default/ca', isOptional: false }, undefined, undefined]);
    for (const [reason, reference] of [
      ['InvalidCACertificateRef', validation('ConfigMap', 'nobody')],
      ['InvalidCACertificateKind', validation('Service', 'ca')],
      ['RefNotPermitted', validation('ConfigMap', 'ca', { namespace: 'far' })],
    ] as const) {
      const closed = said({ default: {}, perPort: [{ port: 443, tls: reference }] });
      assert.deepEqual(closed.texts, [`False/NoValidCACertificate False/Invalid False/${reason}`, open, open]);
    }
    const lax = said({
      default: {
        validation: {
          mode: 'AllowInsecureFallback',
          caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
        },
      },
    });
    assert.equal(lax.asked[0]?.isOptional, true);
    assert.match(lax.world.conditions('Gateway', 'gw'), /InsecureFrontendValidationMode=True\/ConfigurationChanged/);
  });

  void test('that shares a port with one it cannot be told from is in conflict, and so is the other', () => {
    const listeners = [http(80), { name: 'tcp', port: 80, protocol: 'TCP' }, http(81)];
    const world = new GatewayWorld([gateway('gw', listeners)]);
    for (const name of ['http-80', 'tcp']) {
      assert.equal(
        world.listener('gw', name).text,
        'Accepted=False/ProtocolConflict Programmed=False/ProtocolConflict ResolvedRefs=True/ResolvedRefs',
      );
      const conflicted = world.listener('gw', name).conditions.find(({ type }) => type === 'Conflicted');
      assert.deepEqual([conflicted?.status, conflicted?.reason], ['True', 'ProtocolConflict']);
    }
    assert.equal(world.listener('gw', 'http-81').text, isOpen);
    assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=True/ListenersNotValid Programmed=True/Programmed');
  });

  void test('of a younger Gateway does not get a port that an older one has for another protocol, and shares it otherwise', () => {
    const tcp = { name: 'tcp', port: 80, protocol: 'TCP' };
    const world = new GatewayWorld([gateway('old', [http()]), gateway('young', [tcp])]);
    assert.equal(world.listener('old', 'http-80').text, isOpen);
    assert.match(world.listener('young', 'tcp').text, /^Accepted=False\/PortUnavailable Programmed=False\/Invalid/);
    const routes = [
      route('HTTPRoute', 'a', 'old', { hostnames: ['a.example'], rules }),
      route('HTTPRoute', 'b', 'young', { hostnames: ['b.example'], rules: [{ backendRefs: to('v2:80') }] }),
    ];
    const shared = new GatewayWorld([gateway('old', [http()]), gateway('young', [http()]), ...routes], { services });
    assert.equal(shared.listener('young', 'http-80').text, isOpen);
    assert.deepEqual([shared.ask({ host: 'a.example' }), shared.ask({ host: 'b.example' })], ['v1:80', 'v2:80']);
  });
});

void describe('statuses', () => {
  void test('are written where they differ, and keep their times and what others said', () => {
    const all = [gateway('gw', [http()]), route('HTTPRoute', 'r', 'gw', { rules })];
    const first = new GatewayWorld(all, { services, now: '2026-06-01T00:00:00Z' });
    const foreign = {
      type: 'example.com/Audited',
      status: 'True',
      reason: 'Yes',
      message: '',
      lastTransitionTime: '2026-05-01T00:00:00Z',
    };
    const status = first.statusOf('Gateway', 'gw') as GatewayStatus;
    const theirs = { parentRef: { name: 'x' }, controllerName: 'example.com/other', conditions: [foreign] };
    const own = first.statusOf('HTTPRoute', 'r') as { parents: object[] };
    const [gatewayBefore = {}, routeBefore = {}] = all;
    const again = [
      withStatus(gatewayBefore, { ...status, conditions: [foreign, ...(status.conditions ?? [])] }),
      withStatus(routeBefore, { parents: [theirs, ...own.parents] }),
    ];
    const second = new GatewayWorld(again, { services, now: '2026-07-01T00:00:00Z' });
    assert.deepEqual(
      second.updates.map(({ kind }) => kind),
      ['GatewayClass'],
    );
    const [gatewayNow = {}, routeNow = {}] = again;
    const changed = [{ ...gatewayNow, metadata: { ...gatewayNow.metadata, generation: 2 } }, routeNow];
    const third = new GatewayWorld(changed, { services, addresses: [], now: '2026-08-01T00:00:00Z' });
    const { conditions = [] } = third.statusOf('Gateway', 'gw') as GatewayStatus;
    assert.deepEqual(
      conditions.map(({ type, lastTransitionTime, observedGeneration }) => [
        type,
        lastTransitionTime.slice(0, 7),
        observedGeneration,
      ]),
      [
        ['example.com/Audited', '2026-05', undefined],
        ['Accepted', '2026-06', 2],
        ['Programmed', '2026-08', 2],
      ],
    );
  });

  void test('what we said of a route goes when its parent does; what others said stays', () => {
    const ours = { parentRef: { name: 'gw' }, controllerName: 'naru.io/gateway', conditions: [] };
    const theirs = { ...ours, controllerName: 'example.com/other' };
    const it = withStatus(route('HTTPRoute', 'r', 'gw', { rules }), { parents: [ours, theirs] });
    assert.deepEqual(new GatewayWorld([it]).statusOf('HTTPRoute', 'r'), { parents: [theirs] });
  });

  void test('a change of the generation is told', () => {
    const world = new GatewayWorld([gateway('gw', [http()], {}, { generation: 7 })]);
    const { conditions = [], listeners = [] } = world.statusOf('Gateway', 'gw') as GatewayStatus;
    const all = [...conditions, ...listeners.flatMap((each) => each.conditions)];
    assert.deepEqual([...new Set(all.map(({ observedGeneration }) => observedGeneration))], [7]);
  });
});

void describe('ListenerSets', () => {
  const set = (name: string, listeners: object[], metadata: object = {}) =>
    make('ListenerSet', name, { parentRef: { name: 'gw', namespace: 'default' }, listeners }, metadata);
  const letIn = (from: string, more: object = {}) =>
    gateway('gw', [http()], { allowedListeners: { namespaces: { from, ...more } } });
  const extra = { name: 'extra', port: 8080, protocol: 'HTTP' };

  void test('join where the Gateway lets in their namespace', () => {
    const said = (parent: ReturnType<typeof gateway>, namespace: string) => {
      const options = { namespaces: { far: { team: 'red' } } };
      return new GatewayWorld([parent, set('s', [extra], { namespace })], options).conditions(
        'ListenerSet',
        `${namespace}/s`,
      );
    };
    const joined = 'Accepted=True/Accepted Programmed=True/Programmed';
    const refused = 'Accepted=False/NotAllowed Programmed=False/NotAllowed';
    assert.equal(said(gateway('gw', [http()]), 'default'), refused);
    assert.equal(said(letIn('None'), 'default'), refused);
    assert.equal(said(letIn('Same'), 'default'), joined);
    assert.equal(said(letIn('Same'), 'far'), refused);
    assert.equal(said(letIn('All'), 'far'), joined);
    assert.equal(said(letIn('Selector', { selector: { matchLabels: { team: 'red' } } }), 'far'), joined);
    assert.equal(said(letIn('Selector', { selector: { matchLabels: { team: 'blue' } } }), 'far'), refused);
    const odd = { matchExpressions: [{ key: 'team', operator: 'Odd' }] };
    assert.equal(said(letIn('Selector', { selector: odd }), 'far'), refused);
  });

  void test('serve routes that name them, and the Gateway is told how many there are', () => {
    const toSet = (name: string, kind: string, spec: object = {}, metadata: object = {}) =>
      make(
        'HTTPRoute',
        name,
        { parentRefs: [{ kind, name: kind === 'Gateway' ? 'gw' : 's', ...spec }], rules },
        metadata,
      );
    const world = new GatewayWorld(
      [
        letIn('Same'),
        set('s', [extra]),
        toSet('of-set', 'ListenerSet'),
        toSet('of-section', 'ListenerSet', { sectionName: 'extra' }),
        toSet('astray', 'Gateway', { sectionName: 'extra' }),
      ],
      { services },
    );
    assert.equal(world.ask({ port: 8080 }), 'v1:80');
    assert.equal(world.ask({ port: 80 }), '404');
    assert.equal(world.listener('s', 'extra', 'ListenerSet').attachedRoutes, 2);
    assert.equal(world.listener('gw', 'http-80').attachedRoutes, 0);
    assert.equal((world.statusOf('Gateway', 'gw') as GatewayStatus).attachedListenerSets, 1);
    assert.match(world.conditions('HTTPRoute', 'astray'), /^Accepted=False\/NoMatchingParent/);
  });

  void test('of another namespace mean their own where they say Same', () => {
    const parentRefs = [{ kind: 'ListenerSet', name: 's', namespace: 'far' }];
    const at = (namespace: string) => make('HTTPRoute', 'r', { parentRefs, rules }, { namespace });
    const world = new GatewayWorld([letIn('All'), set('s', [extra], { namespace: 'far' }), at('far'), at('default')]);
    assert.match(world.conditions('HTTPRoute', 'far/r'), /^Accepted=True/);
    assert.match(world.conditions('HTTPRoute', 'r'), /^Accepted=False\/NotAllowedByListeners/);
  });

  void test('come after the Gateway, and after older ones: what is taken is in conflict', () => {
    const both = [
      { ...extra, name: 'own', hostname: 'own.example' },
      { ...extra, port: 80, name: 'taken' },
    ];
    const world = new GatewayWorld([
      letIn('Same'),
      set('first', both),
      set('second', [{ ...extra, hostname: 'own.example' }]),
      set('third', [{ name: 'tcp', port: 80, protocol: 'TCP' }]),
    ]);
    assert.equal(world.listener('gw', 'http-80').text, isOpen);
    assert.equal(
      world.conditions('ListenerSet', 'first'),
      'Accepted=True/ListenersNotValid Programmed=True/Programmed',
    );
    assert.match(
      world.listener('first', 'taken', 'ListenerSet').text,
      /^Accepted=False\/HostnameConflict Programmed=False\/HostnameConflict/,
    );
    const lost = 'Accepted=False/ListenersNotValid Programmed=False/ListenersNotValid';
    assert.equal(world.conditions('ListenerSet', 'second'), lost);
    assert.equal(world.conditions('ListenerSet', 'third'), lost);
    assert.match(world.listener('third', 'tcp', 'ListenerSet').text, /^Accepted=False\/ProtocolConflict/);
    assert.equal(world.conditions('Gateway', 'gw'), 'Accepted=True/Accepted Programmed=True/Programmed');
  });

  void test('need grants of their own', () => {
    const secure = https([{ name: 'web', namespace: 'certs' }]);
    const options = { certificates: { 'certs/web': ['a.example'] } };
    const said = (kind: string) => {
      const world = new GatewayWorld(
        [letIn('Same'), set('s', [secure]), grant('certs', kind, 'default', 'Secret')],
        options,
      );
      return world.conditions('ListenerSet', 's');
    };
    assert.equal(said('ListenerSet'), 'Accepted=True/Accepted Programmed=True/Programmed');
    assert.equal(said('Gateway'), 'Accepted=False/ListenersNotValid Programmed=False/ListenersNotValid');
  });

  void test('of a Gateway that is not accepted wait for it', () => {
    const infrastructure = { parametersRef: { group: '', kind: 'ConfigMap', name: 'p' } };
    const parent = gateway('gw', [http(80, fromAll)], {
      infrastructure,
      allowedListeners: { namespaces: { from: 'All' } },
    });
    const world = new GatewayWorld([parent, set('s', [extra])]);
    assert.equal(
      world.conditions('ListenerSet', 's'),
      'Accepted=False/ParentNotAccepted Programmed=False/ParentNotAccepted',
    );
  });
});

function withStatus(object: KubeObject, status: object): KubeObject {
  const changed: object = { ...object, status };
  return changed;
}
