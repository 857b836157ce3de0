import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownedBy, ownershipName, ownershipText, parseOwnership } from './ownership.ts';
import { externalDnsSection, isForZone, parseServer, zoneKey } from './settings.ts';

const zone = { zone: 'example.com', server: 'ns1.example.net' };
const parse = (more: object): unknown => externalDnsSection.parse({ zones: [{ ...zone, ...more }] });

test('a zone has defaults for all but its name and its server', () => {
  const { zones } = externalDnsSection.parse({ zones: [{ zone: 'Example.COM.', server: '[2001:db8::1]:5353' }] });
  assert.deepEqual(zones, [
    {
      zone: 'example.com',
      server: { host: '2001:db8::1', port: 5353 },
      tsig: { name: '', algorithm: 'hmac-sha256', secretName: '' },
      ttlSeconds: 300,
      sources: ['service', 'ingress', 'gateway'],
      owner: 'default',
      policy: 'sync',
      txtPrefix: '',
    },
  ]);
  assert.equal(zones[0] && zoneKey(zones[0]), 'example.com at 2001:db8::1 port 5353');
});

const faults: readonly (readonly [more: object, fault: RegExp])[] = [
  [{ zone: undefined }, /zones\[0\]\.zone is missing/],
  [{ server: null }, /zones\[0\]\.server is missing/],
  [{ zone: '*.example.com' }, /zones\[0\]\.zone takes a name such as example\.com, and got/],
  [{ server: 'http://ns1' }, /zones\[0\]\.server takes a name server/],
  [{ server: 'ns1:0' }, /server takes/],
  [{ tsig: { name: 'key' } }, /zones\[0\]\.tsig takes both name and secretName/],
  [{ tsig: { name: 'key', secretName: 'key', algorithm: 'hmac-md5' } }, /one of hmac-sha256, hmac-sha384, hmac-sha512/],
  [{ owner: 'a,b' }, /owner takes a short word/],
  [{ ttlSeconds: 0 }, /ttlSeconds takes a whole number from 1/],
  [{ sources: ['pod'] }, /sources\[0\] takes one of service, ingress, gateway/],
  [{ policy: 'delete' }, /one of sync, upsert-only/],
  [{ txtPrefix: 'x%{record_type}' }, /txtPrefix takes/],
  [{ txtPrefix: '%{type}-' }, /txtPrefix takes/],
  [{ zoned: 1 }, /there is no field zones\[0\]\.zoned/],
];

for (const [more, fault] of faults) {
  test(`${JSON.stringify(more)} is a fault`, () => assert.throws(() => parse(more), fault));
}

test('one zone twice at one server is a fault, at two servers it is not', () => {
  assert.throws(
    () => externalDnsSection.parse({ zones: [zone, zone] }),
    /two entries for example\.com at ns1\.example\.net/,
  );
  assert.equal(externalDnsSection.parse({ zones: [zone, { ...zone, server: '192.0.2.1' }] }).zones.length, 2);
});

test('a name server is a name or an address, with a port or without', () => {
  const text = (server: string): string => Object.values(parseServer(server) ?? {}).join(' ');
  assert.deepEqual(['ns1', '192.0.2.1:54', '2001:db8::1', '[::1]:99', 'a b', '[x]:1', 'ns1:70000', ''].map(text), [
    'ns1 53',
    '192.0.2.1 54',
    '2001:db8::1 53',
    '::1 99',
    '',
    '',
    '',
    '',
  ]);
});

test('a name belongs to the smallest of the zones', () => {
  const { zones } = externalDnsSection.parse({ zones: [zone, { ...zone, zone: 'dev.example.com' }] });
  const of = (name: string): string[] => zones.filter((one) => isForZone(name, one, zones)).map((one) => one.zone);
  assert.deepEqual(of('a.example.com'), ['example.com']);
  assert.deepEqual(of('a.dev.example.com'), ['dev.example.com']);
  assert.deepEqual(of('example.com'), ['example.com']);
  assert.deepEqual(of('notexample.com'), []);
});

test('names of TXT records lead back to what they speak of, with every prefix', () => {
  for (const txtPrefix of ['', 'x-', 'owner.', '%{record_type}-owner.', 'x-%{record_type}.']) {
    for (const type of ['A', 'AAAA', 'CNAME'] as const) {
      for (const name of ['www.example.com', 'a-b.example.com', '*.example.com', 'aaaa-x.a.example.com']) {
        const naming = { zone: 'example.com', txtPrefix };
        const txtName = ownershipName(naming, name, type) as string;
        assert.deepEqual(ownedBy(naming, txtName), { name, type }, `${txtPrefix} ${name}`);
      }
    }
  }
  assert.equal(ownedBy({ zone: 'example.com', txtPrefix: '' }, 'www.example.com'), undefined);
  assert.equal(ownershipName({ zone: 'example.com', txtPrefix: '' }, '*.example.com', 'AAAA'), 'aaaa-*.example.com');
});

test('ownership is written and read as ExternalDNS does', () => {
  const text = 'heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/default/app';
  const ownership = { owner: 'me', resource: 'ingress/default/app' };
  assert.equal(ownershipText(ownership), text);
  assert.deepEqual(parseOwnership(text), ownership);
  assert.deepEqual(parseOwnership(`"${text}"`), ownership);
  assert.deepEqual(parseOwnership('heritage=external-dns,external-dns/owner=me'), { owner: 'me', resource: '' });
  for (const other of ['', 'v=spf1 -all', 'heritage=mate,external-dns/owner=me', 'external-dns/owner=me'])
    assert.equal(parseOwnership(other), undefined, other);
});
