import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IngressClass } from '../../../api/schema/types/networking-v1.ts';
import {
  aServer,
  backendOf,
  found,
  makeIngress,
  makeService,
  outcome,
  ownClass,
  problemsOf,
  translated,
  type Wanted,
  type World,
} from './testing.ts';

type Rows = readonly (readonly [url: string, outcome: string])[];

function check(
  wanted: Wanted | readonly Wanted[],
  rows: Rows,
  world: World = {},
  problems: readonly string[] = [],
): void {
  const all = Array.isArray(wanted) ? (wanted as readonly Wanted[]) : [wanted as Wanted];
  const plan = translated(all.map(makeIngress), world);
  assert.deepEqual(
    rows.map(([url]) => `${url}: ${outcome(plan, url)}`),
    rows.map(([url, expected]) => `${url}: ${expected}`),
  );
  assert.deepEqual(problemsOf(plan), problems);
}

describe('paths and hosts', () => {
  test('exact before prefix, the longest prefix, whole elements', () => {
    const rules = {
      'a.example/': 'web',
      'a.example/api': 'api:http',
      'a.example/api/v2/': 'new:metrics',
      'a.example=/api/v2/x': 'web:8080',
    };
    check({ rules }, [
      ['http://a.example/', 'web:http /'],
      ['http://A.EXAMPLE/x?y=1', 'web:http /x?y=1'],
      ['http://a.example/apis', 'web:http /apis'],
      ['http://a.example/api', 'api:http /api'],
      ['http://a.example/api/v1', 'api:http /api/v1'],
      ['http://a.example/api/v2', 'new:metrics /api/v2'],
      ['http://a.example/api/v2/x', 'web:metrics /api/v2/x'],
      ['http://a.example/api/v2/x/y', 'new:metrics /api/v2/x/y'],
      ['http://b.example/', '404'],
      ['https://a.example/', 'web:http /'],
    ]);
  });

  test('a wildcard stands for one label; a rule without a host for every other host', () => {
    const rules = { '*.example/': 'web', 'b.example/only': 'api', '/': 'new' };
    check({ rules }, [
      ['http://a.example/', 'web:http /'],
      ['http://a.b.example/', 'new:http /'],
      ['http://example/', 'new:http /'],
      ['http://b.example/only', 'api:http /only'],
      ['http://b.example/', '404'],
      ['http://other/', 'new:http /'],
    ]);
  });

  test('a default backend takes what is left of its hosts; without rules, of all', () => {
    check(
      [
        { rules: { 'a.example/x': 'web' }, spec: { defaultBackend: backendOf('api') } },
        { name: 'all', age: 2, spec: { defaultBackend: backendOf('new'), rules: [] } },
        { name: 'b', age: 3, rules: { 'b.example/x': 'web' } },
      ],
      [
        ['http://a.example/x', 'web:http /x'],
        ['http://a.example/y', 'api:http /y'],
        ['http://b.example/x', 'web:http /x'],
        ['http://b.example/y', 'new:http /y'],
        ['http://c.example/', 'new:http /'],
      ],
    );
  });

  test('several Ingresses share a host; of one path the older keeps it, and the other is told', () => {
    check(
      [
        { name: 'young', age: 9, rules: { 'a.example/x': 'api', 'a.example/y': 'api' } },
        { name: 'old', age: 1, rules: { 'a.example/x': 'web', 'a.example/': 'web' } },
      ],
      [
        ['http://a.example/x', 'web:http /x'],
        ['http://a.example/y', 'api:http /y'],
        ['http://a.example/z', 'web:http /z'],
      ],
      {},
      ['young PathConflict: spec.rules[0].http.paths[0]: a.example /x belongs to the older Ingress default/old'],
    );
  });
});

describe('classes', () => {
  const rules = { 'a.example/': 'web' };
  const other = (name: string): IngressClass => ({ metadata: { name }, spec: { controller: 'example.com/other' } });
  const rows: readonly (readonly [
    what: string,
    spec: object,
    annotation: string,
    classes: IngressClass[],
    served: boolean,
  ])[] = [
    ['our class', { ingressClassName: 'naru' }, '', [ownClass], true],
    ['our class, not made yet', { ingressClassName: 'naru' }, '', [], true],
    [
      'another of our controller',
      { ingressClassName: 'mine' },
      '',
      [{ ...ownClass, metadata: { name: 'mine' } }],
      true,
    ],
    ['the class of most charts', { ingressClassName: 'nginx' }, '', [ownClass], true],
    ['the same by annotation', {}, 'nginx', [ownClass], true],
    ['the same, with a controller of its own', { ingressClassName: 'nginx' }, '', [other('nginx')], false],
    ['ours taken by another', { ingressClassName: 'naru' }, '', [other('naru')], false],
    ['one that nobody has', { ingressClassName: 'x' }, '', [ownClass], false],
    ['none', {}, '', [ownClass], false],
  ];
  for (const [what, spec, annotation, classes, served] of rows) {
    test(`${what}: ${served ? 'served' : 'left alone'}`, () => {
      const { ingressClassName: _, ...rest } = makeIngress({ rules }).spec ?? {};
      const annotations = annotation === '' ? {} : { 'kubernetes.io/ingress.class': annotation };
      const ingress = { ...makeIngress({ annotations }), spec: { ...rest, ...spec } };
      const plan = translated([ingress], { classes });
      assert.equal(outcome(plan, 'http://a.example/'), served ? 'web:http /' : 'refused');
    });
  }
});

describe('backends', () => {
  test('what leads nowhere answers 503 and is told; the rest serves', () => {
    const resource = { kind: 'Bucket', name: 'x' };
    const paths = [{ path: '/r', pathType: 'Prefix' as const, backend: { resource } }];
    const ingress = makeIngress({ rules: { 'a.example/no': 'gone', 'a.example/port': 'web:99', 'a.example/': 'web' } });
    const spec = { ...ingress.spec, rules: [...(ingress.spec?.rules ?? []), { host: 'a.example', http: { paths } }] };
    const plan = translated([{ ...ingress, spec }]);
    for (const path of ['no', 'port', 'r']) assert.equal(outcome(plan, `http://a.example/${path}`), `503 /${path}`);
    assert.equal(outcome(plan, 'http://a.example/'), 'web:http /');
    assert.deepEqual(problemsOf(plan).toSorted(), [
      'web ServiceNotFound: spec.rules[0].http.paths[0]: there is no Service gone in default',
      'web ServicePortNotFound: spec.rules[1].http.paths[0]: Service web has no port 99',
      'web UnsupportedBackend: spec.rules[3].http.paths[0]: has a backend of kind Bucket, which is not taken: only Services are',
    ]);
  });

  test('servers are the endpoints, the address of the Service, or a name', () => {
    const services = [
      makeService('web'),
      makeService('none', { clusterIP: 'None' }),
      makeService('name', { type: 'ExternalName', externalName: 'far.example', ports: [] }),
    ];
    const rules = { 'a.example/w': 'web', 'a.example/n': 'none', 'a.example/e': 'name:8443' };
    const serversFor = (annotations: Readonly<Record<string, string>>): readonly string[] =>
      [...translated([makeIngress({ rules, annotations })], { services }).backends.values()].map(
        ({ id, servers }) =>
          `${id.replace(/~.*/, '')} ${servers.map(({ address, port }) => `${address}:${port}`).join()}`,
      );
    assert.deepEqual(serversFor({}), [
      'ingress/default/web:http 10.42.0.5:8000',
      'ingress/default/none:http 10.42.0.5:8000',
      'ingress/default/name:8443 far.example:8443',
    ]);
    assert.deepEqual(serversFor({ 'service-upstream': 'true' }), [
      'ingress/default/web:http 10.43.0.7:80',
      'ingress/default/none:http 10.42.0.5:8000',
      'ingress/default/name:8443 far.example:8443',
    ]);
  });

  test('where nobody is ready the default-backend annotation answers', () => {
    const draining = { ...aServer, isDraining: true };
    const servers = { web: [draining], api: [aServer] };
    const rules = { 'a.example/': 'web' };
    check({ rules, annotations: { 'default-backend': 'new' } }, [['http://a.example/', 'new:http /']], { servers });
    check({ rules: { 'a.example/': 'api' }, annotations: { 'default-backend': 'new' } }, [
      ['http://a.example/', 'api:http /'],
    ]);
  });

  test('Ingresses that want the same share a backend; other protocols and balances have their own', () => {
    const same = { 'a.example/': 'web', 'b.example/': 'web:http' };
    assert.equal(translated([makeIngress({ rules: same })]).backends.size, 1);
    const different: readonly Readonly<Record<string, string>>[] = [
      {},
      { 'backend-protocol': 'HTTPS' },
      { 'backend-protocol': 'GRPC' },
      { 'load-balance': 'ewma' },
      { 'service-upstream': 'true' },
    ];
    const plan = translated(
      different.map((annotations, at) =>
        makeIngress({ name: `i${at}`, rules: { [`h${at}.example/`]: 'web' }, annotations }),
      ),
    );
    assert.deepEqual(
      [...plan.backends.values()].map(({ protocol, balance }) => [protocol, balance].join(' ').trim()),
      ['http', 'https', 'h2c', 'http leastconn', 'http'],
    );
    assert.equal(plan.backends.size, 5);
  });
});

describe('TLS', () => {
  const rules = { 'a.example/': 'web' };
  const tls = (hosts: readonly string[], secretName = 's') => ({ tls: [{ hosts, secretName }] });
  const withTls = (wanted: Wanted, hosts: readonly string[] = ['a.example']) => {
    const ingress = makeIngress(wanted);
    return { ...ingress, spec: { ...ingress.spec, ...tls(hosts) } };
  };
  const namesOf = (plan: ReturnType<typeof translated>): readonly string[] =>
    (plan.entries[1]?.certificates ?? []).slice(0, -1).map(({ serverName, id }) => `${serverName} ${id}`);

  test('a host with TLS sends plain requests there, unless it is told not to', () => {
    const certificates = { s: found(['a.example']) };
    const plan = translated([withTls({ rules })], { certificates });
    assert.equal(outcome(plan, 'http://a.example/x?y'), '308 https://a.example/x?y');
    assert.equal(outcome(plan, 'https://a.example/x'), 'web:http /x');
    assert.deepEqual(namesOf(plan), ['a.example default/a.example']);
    const open = translated([withTls({ rules, annotations: { 'ssl-redirect': 'false' } })], { certificates });
    assert.equal(outcome(open, 'http://a.example/x'), 'web:http /x');
    const forced = translated([makeIngress({ rules, annotations: { 'force-ssl-redirect': 'true' } })]);
    assert.equal(outcome(forced, 'http://a.example/x'), '308 https://a.example/x');
  });

  test('a wildcard certificate serves its hosts; a Secret without listed hosts its own names', () => {
    const certificates = { s: found(['*.example', 'other.test']) };
    assert.deepEqual(namesOf(translated([withTls({ rules })], { certificates })), ['a.example default/*.example']);
    const plan = translated([withTls({ rules }, [])], { certificates });
    assert.deepEqual(namesOf(plan), ['*.example default/*.example', 'other.test default/*.example']);
    assert.equal(outcome(plan, 'http://a.example/'), '308 https://a.example/');
  });

  const bad = [
    ['missing', { kind: 'missing' }, 'SecretNotFound: spec.tls[0]: there is no Secret s in default'],
    ['unusable', { kind: 'bad', why: 'no key' }, 'BadSecret: spec.tls[0]: Secret s cannot be used: no key'],
    [
      'for other names',
      found(['b.example']),
      'BadCertificate: spec.tls[0]: the certificate in Secret s is not for a.example, which gets the default one',
    ],
  ] as const;
  for (const [what, state, problem] of bad) {
    test(`a Secret that is ${what} costs the certificate, and nothing else`, () => {
      const plan = translated([withTls({ rules })], { certificates: { s: state } });
      assert.deepEqual(namesOf(plan), []);
      assert.equal(outcome(plan, 'https://a.example/'), 'web:http /');
      assert.deepEqual(problemsOf(plan), [`web ${problem}`]);
    });
  }

  test('a Secret that is not read yet is no problem; one that has ended is told and used', () => {
    assert.deepEqual(problemsOf(translated([withTls({ rules })], { certificates: { s: { kind: 'pending' } } })), []);
    const plan = translated([withTls({ rules })], { certificates: { s: found(['a.example'], { notAfterMs: 0 }) } });
    assert.deepEqual(problemsOf(plan), [
      'web CertificateExpired: spec.tls[0]: the certificate in Secret s ended at 1970-01-01T00:00:00.000Z',
    ]);
    assert.deepEqual(namesOf(plan), ['a.example default/a.example']);
  });

  test('of two certificates for a host the older Ingress has its own', () => {
    const young = makeIngress({ name: 'young', age: 9, rules: { 'a.example/y': 'web' } });
    const second = { ...young, spec: { ...young.spec, tls: [{ hosts: ['a.example'], secretName: 't' }] } };
    const certificates = { s: found(['a.example']), t: found(['a.example'], { id: 'default/t' }) };
    const plan = translated([second, withTls({ rules })], { certificates });
    assert.deepEqual(namesOf(plan), ['a.example default/a.example']);
    assert.deepEqual(problemsOf(plan), [
      'young CertificateConflict: spec.tls[0]: a.example has the certificate of the older Ingress default/web',
    ]);
  });

  test('pass-through leads by server name to the Service, as bytes', () => {
    const plan = translated([makeIngress({ rules, annotations: { 'ssl-passthrough': 'true' } })]);
    const [through] = plan.entries[1]?.passThrough ?? [];
    assert.equal(through?.serverName, 'a.example');
    assert.equal(plan.backends.get(through?.targets[0]?.backend ?? '')?.protocol, 'tcp');
  });

  test('clients of a host show certificates, and none comes in where these cannot be checked', () => {
    const annotations = { 'auth-tls-secret': 'default/ca', 'ssl-redirect': 'false' };
    const certificates = { s: found(['a.example']) };
    const authorities = { ca: { kind: 'found', value: 'CA' } } as const;
    const plan = translated([withTls({ rules, annotations })], { certificates, authorities });
    assert.deepEqual(plan.entries[1]?.certificates[0]?.clientAuthorities, { pem: 'CA', isOptional: false });
    assert.equal(outcome(plan, 'http://a.example/'), '308 https://a.example/', 'never without TLS');
    for (const world of [{ certificates }, { authorities }]) {
      const closed = translated([withTls({ rules, annotations })], world);
      for (const scheme of ['http', 'https']) assert.equal(outcome(closed, `${scheme}://a.example/`), '503');
    }
    const elsewhere = { 'auth-tls-secret': 'other/ca' };
    const closed = translated([withTls({ rules, annotations: elsewhere })], { certificates, authorities });
    assert.equal(outcome(closed, 'https://a.example/'), '503');
  });

  test('a younger Ingress of another namespace does not take all connections of a host, nor say who its clients are', () => {
    const own = { rules: { 'a.example/app': 'web' } };
    const annotations = { 'ssl-passthrough': 'true' };
    const through = makeIngress({ namespace: 'other', name: 'theirs', age: 9, rules, annotations });
    const plan = translated([through, withTls(own)], { certificates: { s: found(['a.example']) } });
    assert.deepEqual(plan.entries[1]?.passThrough, []);
    assert.match(problemsOf(plan).join(), /theirs HostConflict: ssl-passthrough: .* older Ingress default\/web/);

    const certificates = { s: found(['a.example']) };
    for (const authorities of [{}, { ca: { kind: 'found', value: 'THEIRS' } }] as const) {
      const guard = { 'auth-tls-secret': 'other/ca' };
      const guarded = makeIngress({ namespace: 'other', name: 'theirs', age: 9, rules, annotations: guard });
      const both = translated([guarded, withTls(own)], { certificates, authorities });
      assert.equal(both.entries[1]?.certificates[0]?.clientAuthorities, undefined);
      assert.equal(outcome(both, 'https://a.example/app'), 'web:http /app');
      assert.equal(outcome(both, 'https://a.example/'), '503', 'its own paths stay closed');
      assert.match(problemsOf(both).join(), /theirs HostConflict: auth-tls-secret: .* older Ingress default\/web/);
    }
  });

  test('an Ingress of another namespace is no canary of a path', () => {
    const canary = { canary: 'true', 'canary-weight': '100' };
    const theirs = makeIngress({
      namespace: 'other',
      name: 'theirs',
      age: 9,
      rules: { 'a.example/': 'new' },
      annotations: canary,
    });
    const plan = translated([makeIngress({ rules }), theirs]);
    assert.equal(outcome(plan, 'http://a.example/'), 'web:http /');
    assert.match(problemsOf(plan).join(), /theirs CanaryAlone: .*: a.example \/ is of namespace default/);
  });

  test("nobody is led to addresses that are the machine's own", () => {
    const names = ['127.0.0.1', '169.254.169.254', '0.0.0.0', 'localhost', 'a.localhost', '10.0.0.7', 'far.example'];
    const outcomes = names.map((externalName) => {
      const services = [makeService('web', { type: 'ExternalName', externalName })];
      return outcome(translated([makeIngress({ rules })], { services }), 'http://a.example/');
    });
    assert.deepEqual(outcomes, ['503 /', '503 /', '503 /', '503 /', '503 /', 'web:http /', 'web:http /']);
    const mirrored = [
      'http://127.0.0.1:2379',
      'http://[::1]/',
      'http://[::ffff:169.254.169.254]/',
      'http://LocalHost/',
      'http://m.example/',
    ];
    const mirrors = mirrored.map((target) => {
      const plan = translated([makeIngress({ rules, annotations: { 'mirror-target': target } })]);
      return [...plan.backends.keys()].filter((id) => id.startsWith('ingress/mirror/')).length;
    });
    assert.deepEqual(mirrors, [0, 0, 0, 0, 1]);
  });
});
