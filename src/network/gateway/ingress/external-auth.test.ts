import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../plan.ts';
import { aServer, makeIngress, makeService, outcome, translated, type World } from './testing.ts';

const planOf = (annotations: Readonly<Record<string, string>>, world: World = {}) =>
  translated([makeIngress({ rules: { 'a.example/': 'web' }, annotations })], world);

function authOf(annotations: Readonly<Record<string, string>>, world: World = {}): unknown {
  const plan = planOf(annotations, world);
  const route = plan.entries[0]?.hosts[0]?.routes[0];
  return route?.filters.find(({ kind }) => kind === 'externalAuth');
}

function backendsOf(annotations: Readonly<Record<string, string>>, world: World = {}): Backend[] {
  return [...planOf(annotations, world).backends.values()].filter(({ id }) => id.startsWith('ingress/auth/'));
}

test('a Service of the cluster is asked at its endpoints, any other name by the DNS', () => {
  const world: World = { services: [makeService('web'), makeService('proxy')] };
  const service = { 'auth-url': 'http://proxy.default.svc.cluster.local/oauth2/auth' };
  const id = 'ingress/auth/http://proxy.default.svc.cluster.local:80';
  assert.deepEqual(authOf(service, world), {
    kind: 'externalAuth',
    backend: id,
    host: 'proxy.default.svc.cluster.local',
    path: '/oauth2/auth',
    responseHeaders: [],
  });
  assert.deepEqual(backendsOf(service, world)[0]?.servers, [aServer]);
  const [far] = backendsOf({ 'auth-url': 'https://login.example:8443/check?for=$host' });
  assert.deepEqual(
    [far?.protocol, far?.servers, far?.tls],
    ['https', [{ address: 'login.example', port: 8443, isDraining: false }], { serverName: 'login.example' }],
  );
});

test('the URLs that oauth2-proxy tells people to write are taken', () => {
  const annotations = {
    'auth-url': 'https://$host/oauth2/auth',
    'auth-signin': 'https://$host/oauth2/start?rd=$escaped_request_uri',
    'auth-response-headers': 'X-Auth-Request-User, X-Auth-Request-Email',
    'auth-method': 'GET',
  };
  assert.deepEqual(authOf(annotations), {
    kind: 'externalAuth',
    path: '/oauth2/auth',
    method: 'GET',
    responseHeaders: ['X-Auth-Request-User', 'X-Auth-Request-Email'],
    signIn: 'https://$host/oauth2/start?rd=$escaped_request_uri',
  });
  assert.deepEqual(planOf(annotations).problems, []);
});

test('whoever signs in comes back, by the parameter that is asked for', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['https://in.example', '', 'https://in.example?rd=$scheme://$http_host$escaped_request_uri'],
    ['/start?a=b', 'back', '/start?a=b&back=$scheme://$http_host$escaped_request_uri'],
    ['/start?', '', '/start?rd=$scheme://$http_host$escaped_request_uri'],
    ['$pass_access_scheme://$host/start?a=b&rd=/', '', '$scheme://$host/start?a=b&rd=/'],
  ];
  for (const [signin, parameter, expected] of rows) {
    const named = parameter === '' ? {} : { 'auth-signin-redirect-param': parameter };
    const auth = authOf({ 'auth-url': 'http://x.example', 'auth-signin': signin, ...named });
    assert.equal((auth as { signIn?: string }).signIn, expected);
  }
});

test('where it cannot be said who is to be asked, nobody comes in', () => {
  const world: World = {
    services: [makeService('web'), makeService('inner', { type: 'ExternalName', externalName: '127.0.0.1' })],
  };
  const rows: readonly (readonly [string, RegExp])[] = [
    ['http://127.0.0.1:2379/', /127\.0\.0\.1 is the gateway's own machine/],
    ['http://169.254.169.254/', /is the gateway's own machine/],
    ['http://gone.default.svc/', /there is no Service gone in default/],
    ['http://web.default.svc:81/', /Service web of default has no port 81/],
    ['http://inner.default.svc/', /Service inner leads to 127\.0\.0\.1/],
    ['http://$arg_host/', /may not have \$arg_host/],
    ['http://x$host/', /must name a host/],
    ['http://me:secret@x.example/', /must name a host/],
    ['x.example', /must be an http or https URL/],
  ];
  for (const [url, problem] of rows) {
    const plan = planOf({ 'auth-url': url }, world);
    assert.match(outcome(plan, 'http://a.example/'), /^503/, url);
    assert.match(plan.problems.map(({ message }) => message).join(), problem, url);
    assert.deepEqual(backendsOf({ 'auth-url': url }, world), [], url);
  }
});
