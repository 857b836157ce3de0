/** What is said to questions of every sort: the protocol's corners, aliases, custom hosts, stub domains, order and size of answers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { ask, decode, fillZone, makeService, makeSlice, nameAsked, query, replyTo, shown, testDns } from './testing.ts';
import type { Exchange } from './upstream.ts';

const web = 'web.shop.svc.cluster.local';

/** Knows `www.example.com` and `chain.example.com`; tells which server was asked what. */
function worldWith(asked: string[]): Exchange {
  return async ({ address }, question) => {
    const name = nameAsked(question);
    asked.push(`${address} ${name}`);
    if (name === 'www.example.com')
      return replyTo(question, { answers: [{ type: 'A', name, ttl: 60, data: '192.0.2.80' }] });
    if (name === 'chain.example.com')
      return replyTo(question, {
        answers: [
          { type: 'CNAME', name, ttl: 60, data: 'www.example.com' },
          { type: 'A', name: 'www.example.com', ttl: 60, data: '192.0.2.80' },
        ],
      });
    return replyTo(question, { code: 3 });
  };
}

describe('questions that are none, or not for a cluster', () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  const sent = async (bytes: Buffer): Promise<string> => {
    const answer = await resolver.answer(bytes, 'udp');
    return answer === undefined ? 'silence' : decode(answer).rcode;
  };
  const changed = (change: (bytes: Buffer) => void, source = query(web)): Buffer => {
    const bytes = Buffer.from(source);
    change(bytes);
    return bytes;
  };
  const typed = (type: number, qclass = 1): Buffer =>
    changed((bytes) => {
      bytes.writeUInt16BE(type, bytes.length - 4);
      bytes.writeUInt16BE(qclass, bytes.length - 2);
    });
  const withOpt = query(web, { edns: { size: 4096 } });
  const rows: readonly (readonly [string, Buffer, string])[] = [
    ['nothing', Buffer.alloc(0), 'silence'],
    ['a piece of a header', query(web).subarray(0, 11), 'silence'],
    ['an answer', changed((bytes) => bytes.writeUInt16BE(0x8180, 2)), 'silence'],
    ['a header alone', changed((bytes) => bytes.writeUInt16BE(0, 4)).subarray(0, 12), 'FORMERR'],
    ['two questions', changed((bytes) => bytes.writeUInt16BE(2, 4)), 'FORMERR'],
    ['a piece of a question', query(web).subarray(0, 20), 'FORMERR'],
    ['a name that points at itself', changed((bytes) => bytes.writeUInt16BE(0xc00c, 12)), 'FORMERR'],
    ['a record that is not there', changed((bytes) => bytes.writeUInt16BE(1, 10)), 'FORMERR'],
    [
      'two OPT records',
      Buffer.concat([changed((b) => b.writeUInt16BE(2, 10), withOpt), withOpt.subarray(-11)]),
      'FORMERR',
    ],
    ['a status request', changed((bytes) => bytes.writeUInt16BE(0x1000, 2)), 'NOTIMP'],
    ['an update', changed((bytes) => bytes.writeUInt16BE(0x2800, 2)), 'NOTIMP'],
    ['class CHAOS', typed(16, 3), 'REFUSED'],
    ['class ANY', typed(1, 255), 'REFUSED'],
    ['a whole zone', typed(252), 'REFUSED'],
    ['a zone’s changes', typed(251), 'REFUSED'],
    ['an OPT record', typed(41), 'FORMERR'],
    ['a type that nobody knows', typed(65_280), 'NOERROR'],
  ];
  for (const [what, bytes, said] of rows) test(`${what}: ${said}`, async () => assert.equal(await sent(bytes), said));

  test('a version of EDNS that is not there yet: BADVERS, in both its parts', async () => {
    const answer = await resolver.answer(
      changed((bytes) => bytes.writeUInt8(1, bytes.length - 5), withOpt),
      'udp',
    );
    const reply = decode(answer);
    const opt = reply.additionals?.[0] as unknown as { extendedRcode: number };
    assert.deepEqual([reply.rcode, opt.extendedRcode], ['NOERROR', 1]);
  });

  test('all records at once: the answer that RFC 8482 has for it', async () => {
    const reply = decode(await resolver.answer(typed(255), 'udp'));
    assert.deepEqual(shown(reply.answers), ['HINFO {"cpu":"RFC8482","os":""}']);
  });

  test('localhost is this machine, and invalid is nowhere', async () => {
    assert.deepEqual(shown((await ask(resolver, 'localhost')).answers), ['A 127.0.0.1']);
    assert.deepEqual(shown((await ask(resolver, 'a.localhost', { type: 'AAAA' })).answers), ['AAAA ::1']);
    assert.equal((await ask(resolver, 'x.invalid')).rcode, 'NXDOMAIN');
  });
});

test('a client that speaks EDNS is answered in it, and one that does not is not', async () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  const optOf = async (asking: Parameters<typeof ask>[2]) =>
    (await ask(resolver, web, asking)).additionals?.find(({ type }) => type === 'OPT') as
      | { udpPayloadSize: number; flag_do: boolean }
      | undefined;
  assert.equal(await optOf({}), undefined);
  const opt = await optOf({ edns: { size: 4096, dnssecOk: true } });
  assert.deepEqual([opt?.udpPayloadSize, opt?.flag_do], [1232, true]);
});

test('the client’s own id and capitals come back, also out of the cache', async () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  for (const id of [1, 2, 65_535]) {
    const reply = decode(await resolver.answer(query('wEb.ShOp.svc.cluster.local', {}, id), 'udp'));
    assert.deepEqual([reply.id, reply.questions?.[0]?.name], [id, 'wEb.ShOp.svc.cluster.local']);
  }
});

describe('a Service with 300 endpoints', () => {
  const { resolver, zone } = testDns();
  const endpoints = Array.from({ length: 300 }, (_, index) => ({ ip: `10.42.${index >> 8}.${index & 255}` }));
  zone.putService(makeService('shop/many', { clusterIP: 'None' }));
  zone.putSlice(makeSlice('shop/many', endpoints));
  const name = 'many.shop.svc.cluster.local';

  test('has them all by TCP, and by UDP as many as fit, with the flag that says so', async () => {
    const whole = await ask(resolver, name, { transport: 'tcp' });
    assert.deepEqual([whole.answers?.length, whole.flag_tc], [300, false]);
    for (const [edns, max] of [
      [undefined, 512],
      [{ size: 100 }, 512],
      [{ size: 900 }, 900],
      [{ size: 4096 }, 1232],
    ] as const) {
      const part = await ask(resolver, name, edns === undefined ? {} : { edns });
      assert.ok(part.flag_tc && part.bytes <= max && part.bytes > max - 16, `${part.bytes} of ${max}`);
    }
  });

  test('shows each of them sooner or later to who asks by UDP alone', async () => {
    const seen = new Set<string>();
    for (let time = 0; time < 200; time++)
      for (const line of shown((await ask(resolver, name)).answers)) seen.add(line);
    assert.equal(seen.size, 300);
  });

  test('keeps the same size for SRV records, whose targets are written out', async () => {
    const reply = await ask(resolver, `_http._tcp.${name}`, { type: 'SRV', edns: { size: 1232 } });
    assert.ok(reply.flag_tc && (reply.answers?.length ?? 0) > 10);
    const whole = await ask(resolver, `_http._tcp.${name}`, { type: 'SRV', transport: 'tcp' });
    assert.deepEqual([whole.answers?.length, whole.flag_tc], [300, false]);
  });
});

test('answers out of the cache begin with another address each time, and are always whole', async () => {
  const { resolver, zone } = testDns();
  zone.putService(makeService('shop/few', { clusterIP: 'None' }));
  zone.putSlice(
    makeSlice(
      'shop/few',
      ['10.42.0.1', '10.42.0.2', '10.42.0.3'].map((ip) => ({ ip })),
    ),
  );
  const firsts = new Map<string, number>();
  for (let time = 0; time < 300; time++) {
    const { answers = [] } = await ask(resolver, 'few.shop.svc.cluster.local', { edns: { size: 1232 } });
    assert.deepEqual(shown(answers), ['A 10.42.0.1', 'A 10.42.0.2', 'A 10.42.0.3']);
    const first = shown(answers.slice(0, 1)).join('');
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  assert.equal(firsts.size, 3);
  assert.ok(
    [...firsts.values()].every((count) => count > 50),
    [...firsts.values()].join(' '),
  );
});

describe('names that lead to other names', () => {
  const asked: string[] = [];
  const { resolver, zone } = testDns({ exchange: worldWith(asked) });
  fillZone(zone);
  zone.putService(makeService('shop/chain', { type: 'ExternalName', externalName: 'Chain.example.com' }));
  zone.putService(makeService('shop/gone', { type: 'ExternalName', externalName: 'gone.example.com' }));
  zone.putService(makeService('shop/twice', { type: 'ExternalName', externalName: 'ext.shop.svc.cluster.local' }));
  const rows: readonly (readonly [string, string, string[]])[] = [
    ['ext', 'NOERROR', ['A 192.0.2.80', 'CNAME www.example.com']],
    ['chain', 'NOERROR', ['A 192.0.2.80', 'CNAME chain.example.com', 'CNAME www.example.com']],
    ['twice', 'NOERROR', ['A 192.0.2.80', 'CNAME ext.shop.svc.cluster.local', 'CNAME www.example.com']],
    ['gone', 'NXDOMAIN', ['CNAME gone.example.com']],
    ['ring', 'SERVFAIL', []],
  ];
  for (const [name, code, answers] of rows)
    test(`${name}: ${code} ${answers.join(', ')}`, async () => {
      const reply = await ask(resolver, `${name}.shop.svc.cluster.local`);
      assert.deepEqual([reply.rcode, ...shown(reply.answers)], [code, ...answers]);
    });

  test('are not followed by who asks for the alias', async () => {
    asked.length = 0;
    assert.deepEqual(shown((await ask(resolver, 'ext.shop.svc.cluster.local', { type: 'CNAME' })).answers), [
      'CNAME www.example.com',
    ]);
    assert.deepEqual(asked, []);
  });
});

describe('whom a question goes to', () => {
  const asked: string[] = [];
  const settings = {
    hosts: new Map([['db.example.org', ['10.0.0.7', 'fd00::77']]]),
    stubDomains: new Map([
      ['corp.example', [{ address: '10.1.1.1', port: 53 }]],
      ['deep.cluster.local', [{ address: '10.1.1.2', port: 53 }]],
    ]),
  };
  const { resolver, zone } = testDns({ exchange: worldWith(asked), settings });
  fillZone(zone);
  const rows: readonly (readonly [string, string, string, string | undefined])[] = [
    ['A', 'www.example.com', 'NOERROR A 192.0.2.80', '192.0.2.53 www.example.com'],
    ['A', 'db.example.org', 'NOERROR A 10.0.0.7', undefined],
    ['AAAA', 'DB.example.org', 'NOERROR AAAA fd00::77', undefined],
    ['TXT', 'db.example.org', 'NOERROR', undefined],
    ['PTR', '7.0.0.10.in-addr.arpa', 'NOERROR PTR db.example.org', undefined],
    ['A', 'git.corp.example', 'NXDOMAIN', '10.1.1.1 git.corp.example'],
    ['A', 'corp.example', 'NXDOMAIN', '10.1.1.1 corp.example'],
    ['A', 'xcorp.example', 'NXDOMAIN', '192.0.2.53 xcorp.example'],
    ['A', 'a.deep.cluster.local', 'NXDOMAIN', '10.1.1.2 a.deep.cluster.local'],
    ['A', 'other.cluster.local', 'NXDOMAIN', undefined],
    ['PTR', '9.9.43.10.in-addr.arpa', 'NXDOMAIN', undefined],
    ['PTR', '1.2.0.192.in-addr.arpa', 'NXDOMAIN', '192.0.2.53 1.2.0.192.in-addr.arpa'],
    ['PTR', '43.10.in-addr.arpa', 'NXDOMAIN', '192.0.2.53 43.10.in-addr.arpa'],
  ];
  for (const [type, name, said, who] of rows)
    test(`${type} ${name}: ${who ?? 'nobody else'}`, async () => {
      asked.length = 0;
      const reply = await ask(resolver, name, { type });
      assert.equal([reply.rcode, ...shown(reply.answers)].join(' '), said);
      assert.deepEqual(asked, who === undefined ? [] : [who]);
    });
});

test('before the cluster is known, nothing is called absent, and what is fixed is answered', async () => {
  const { resolver, zone } = testDns();
  zone.isKnown = false;
  assert.equal((await ask(resolver, web)).rcode, 'SERVFAIL');
  assert.equal((await ask(resolver, 'shop.svc.cluster.local')).rcode, 'SERVFAIL');
  assert.deepEqual(shown((await ask(resolver, 'ns.dns.cluster.local')).answers), ['A 10.43.0.10']);
  fillZone(zone);
  assert.deepEqual(shown((await ask(resolver, web)).answers), ['A 10.43.7.7']);
});

test('an answer from elsewhere loses what was between that server and us, and fits the client', async () => {
  const exchange: Exchange = async (_server, question) =>
    replyTo(question, {
      answers: Array.from({ length: 80 }, (_, index) => ({
        type: 'A' as const,
        name: 'big.example.com',
        ttl: 60,
        data: `192.0.2.${index}`,
      })),
      additionals: [
        { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as unknown as dnsPacket.Answer,
      ],
    });
  const { resolver } = testDns({ exchange });
  const plainOne = await ask(resolver, 'big.example.com');
  assert.ok(plainOne.flag_tc && plainOne.bytes <= 512 && (plainOne.answers?.length ?? 0) > 5);
  assert.deepEqual(plainOne.additionals, []);
  const whole = await ask(resolver, 'big.example.com', { transport: 'tcp', edns: { size: 1232 } });
  assert.deepEqual([whole.answers?.length, whole.flag_tc, whole.additionals?.length], [80, false, 1]);
});
