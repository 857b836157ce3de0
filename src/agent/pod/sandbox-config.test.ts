import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import { make } from '../testing.ts';
import { dnsProblems, parseResolvConf, podDns } from './dns.ts';
import { sandboxConfig } from './sandbox-config.ts';

const hostDns = { servers: ['192.0.2.53'], searches: ['example.com'], options: ['ndots:1'] };
const clusterDns = { servers: ['10.43.0.10'], domain: 'cluster.local' };
const identity = { namespace: 'default', name: 'web', uid: 'u-1' };

const configOf = (spec: Partial<PodSpec>, cluster: typeof clusterDns | undefined = clusterDns) =>
  sandboxConfig(make.pod(spec), identity, {
    attempt: 2,
    podLogs: '/logs',
    cgroupParent: '/pod',
    hostDns,
    clusterDns: cluster,
  });

test('each DNS policy gives the resolver that it promises', () => {
  const searches = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'];
  const cluster = { servers: ['10.43.0.10'], searches, options: ['ndots:5'] };
  assert.deepEqual(configOf({ dnsPolicy: 'ClusterFirst' }).dns, cluster);
  assert.deepEqual(configOf({ dnsPolicy: 'ClusterFirst', hostNetwork: true }).dns, hostDns);
  assert.deepEqual(configOf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }).dns, cluster);
  assert.deepEqual(configOf({ dnsPolicy: 'Default' }).dns, hostDns);
  const dnsConfig = {
    nameservers: ['1.1.1.1'],
    searches: ['a'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const own = { servers: ['1.1.1.1'], searches: ['a'], options: ['ndots:2', 'edns0'] };
  assert.deepEqual(configOf({ dnsPolicy: 'None', dnsConfig }).dns, own);
  assert.deepEqual(configOf({ dnsPolicy: 'Default', dnsConfig }).dns.options, ['ndots:2', 'edns0']);
});

test('without a DNS service in the cluster pods use the resolver of the host', () => {
  const { dns } = sandboxConfig(make.pod(), identity, {
    attempt: 0,
    podLogs: '/logs',
    cgroupParent: '/pod',
    hostDns,
    clusterDns: undefined,
  });
  assert.deepEqual(dns, hostDns);
});

test('a pod has its own name, or the one that it asks for, or on the host network none', () => {
  assert.equal(configOf({}).hostname, 'web');
  assert.equal(configOf({ hostname: 'db' }).hostname, 'db');
  assert.equal(configOf({ hostNetwork: true }).hostname, '');
  assert.equal(configOf({ hostname: `${'a'.repeat(62)}-bcd` }).hostname, 'a'.repeat(62));
});

test('a sandbox is privileged where one of its containers is, and logs stand where collectors look', () => {
  assert.equal(configOf({}).privileged, false);
  const containers = [make.container('app', { securityContext: { privileged: true } })];
  assert.equal(configOf({ containers }).privileged, true);
  assert.equal(configOf({}).logDirectory, '/logs/default_web_u-1');
  assert.equal(configOf({}).attempt, 2);
});

test('a resolv.conf is read as the resolver reads it', () => {
  const text = '# hello\nnameserver 10.0.0.2\nnameserver 10.0.0.3\ndomain a\nsearch b c .\noptions ndots:2 rotate\n';
  assert.deepEqual(parseResolvConf(text), {
    servers: ['10.0.0.2', '10.0.0.3'],
    searches: ['b', 'c'],
    options: ['ndots:2', 'rotate'],
  });
});

test('beyond three servers, 32 search paths or 2048 characters, what comes last is left out, and events say so', () => {
  const facts = { hostDns, clusterDns };
  const nameservers = ['1.1.1.1', '1.1.1.2', '1.1.1.3'];
  const many = make.pod({
    dnsConfig: { nameservers, searches: Array.from({ length: 30 }, (_, index) => `s${index}`) },
  });
  assert.deepEqual(podDns(many, facts).servers, ['10.43.0.10', '1.1.1.1', '1.1.1.2']);
  assert.equal(podDns(many, facts).searches.length, 32);
  const [first, second, ...more] = dnsProblems(many, facts);
  assert.equal(
    first,
    'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.43.0.10 1.1.1.1 1.1.1.2',
  );
  assert.match(
    second ?? '',
    /^Search Line limits were exceeded, some search paths .* is: default\.svc\.cluster\.local .* s27$/,
  );
  assert.deepEqual(more, []);
  const long = make.pod({ dnsPolicy: 'None', dnsConfig: { searches: ['a'.repeat(1000), 'b'.repeat(1047), 'c'] } });
  assert.deepEqual(podDns(long, facts).searches, ['a'.repeat(1000), 'b'.repeat(1047)]);
  assert.deepEqual(dnsProblems(make.pod(), facts), []);
});

test('a pod with a subdomain may be called by its whole name, as long as Linux takes it', () => {
  const subdomain = { subdomain: 'db', setHostnameAsFQDN: true };
  assert.equal(configOf(subdomain).hostname, 'web.db.default.svc.cluster.local');
  assert.equal(configOf({ setHostnameAsFQDN: true }).hostname, 'web');
  assert.equal(configOf({ subdomain: 'db' }).hostname, 'web');
  assert.equal(configOf({ ...subdomain, hostnameOverride: 'other.example' }).hostname, 'other.example');
  const why =
    /FQDN a{40}\.db\.default\.svc\.cluster\.local is too long \(64 characters is the max, 69 characters requested\)/;
  assert.throws(() => configOf({ ...subdomain, hostname: 'a'.repeat(40) }), why);
});
