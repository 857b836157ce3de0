/** The section `dns` of the settings: what it takes, and how it says what it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsDefaults, dnsSection, parseUpstream } from './settings.ts';

test('everything is optional', () => {
  assert.deepEqual(dnsSection.parse(undefined), dnsDefaults);
  assert.deepEqual(dnsSection.parse({}), dnsDefaults);
});

test('all of it at once', () => {
  const parsed = dnsSection.parse({
    upstreams: ['10.0.0.2', '10.0.0.3:5353', 'fd00::2', '[fd00::2]:54'],
    hosts: { '10.0.0.7': ['Db.example.org.', 'db'], 'FD00:0::7': ['db'] },
    stubDomains: { 'Corp.example.': ['10.1.1.1'] },
    cacheSeconds: 0,
    domain: 'k8s.example.org',
    log: true,
  });
  assert.deepEqual(parsed.upstreams, [
    { address: '10.0.0.2', port: 53 },
    { address: '10.0.0.3', port: 5353 },
    { address: 'fd00::2', port: 53 },
    { address: 'fd00::2', port: 54 },
  ]);
  assert.deepEqual(
    [...parsed.hosts],
    [
      ['db.example.org', ['10.0.0.7']],
      ['db', ['10.0.0.7', 'fd00::7']],
    ],
  );
  assert.deepEqual([...parsed.stubDomains], [['corp.example', [{ address: '10.1.1.1', port: 53 }]]]);
  assert.deepEqual([parsed.cacheSeconds, parsed.domain, parsed.log], [0, 'k8s.example.org', true]);
});

test('what is wrong is named, with what would be right', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ upstream: [] }, /no field upstream; there are upstreams/],
    [{ upstreams: ['dns.example.org'] }, /upstreams\[0\] takes an address such as .*"dns\.example\.org"/],
    [{ upstreams: '10.0.0.1' }, /upstreams takes a list/],
    [{ hosts: { db: ['db'] } }, /hosts takes lists of names by IP address/],
    [{ hosts: { '10.0.0.1': ['a b'] } }, /hosts\.10\.0\.0\.1\[0\] takes a name/],
    [{ stubDomains: { 'a..b': ['10.0.0.1'] } }, /stubDomains takes a name/],
    [{ stubDomains: { corp: [] } }, /stubDomains\.corp takes at least one address/],
    [{ cacheSeconds: -1 }, /cacheSeconds takes a whole number from 0 to 86400/],
    [{ domain: 7 }, /domain takes a name/],
    [{ log: 'yes' }, /log takes true or false/],
  ];
  for (const [value, message] of rows) assert.throws(() => dnsSection.parse(value), message);
});

test('addresses of servers: rows', () => {
  for (const text of ['', '10.0.0.1:0', '10.0.0.1:65536', '[10.0.0.1]:53', '[fd00::1]', 'fd00::1:99999', '10.0.0.1:x'])
    assert.equal(parseUpstream(text), undefined, text);
});
