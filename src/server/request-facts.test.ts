import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../lib/limits.ts';
import type { UserInfo } from '../registry/request.ts';
import type { Exchange } from './http/exchange.ts';
import { attributesOf, factsOf, isLongRunning } from './request-facts.ts';

const user: UserInfo = { name: 'ann', groups: [] };

/** What of a request counts for permission, beside who asks. */
function asked(method: string, url: string): string {
  const facts = factsOf({ method, url } as Exchange);
  const { verb, resource, name, fieldSelector, labelSelector } = attributesOf(facts, method, user);
  return [verb, resource, name, fieldSelector, labelSelector].map((one) => one ?? '-').join(' ');
}

test('selectors count for permission where they select, and nowhere else', () => {
  const pods = '/api/v1/namespaces/d/pods';
  assert.equal(
    asked('GET', `${pods}?fieldSelector=spec.nodeName%3Dn1&labelSelector=a`),
    'list pods  spec.nodeName=n1 a',
  );
  assert.equal(asked('GET', `${pods}?watch=1&fieldSelector=metadata.name%3Dp`), 'watch pods p metadata.name=p -');
  assert.equal(asked('DELETE', `${pods}?fieldSelector=metadata.name%3Dp`), 'deletecollection pods  metadata.name=p -');
  assert.equal(asked('GET', `${pods}?fieldSelector=`), 'list pods  - -');
  assert.equal(asked('GET', `${pods}/p?fieldSelector=spec.nodeName%3Dn1`), 'get pods p - -');
  assert.equal(asked('POST', `${pods}?labelSelector=a`), 'create pods  - -');
});

test('what is asked of rules is the path that is served, however it is written', () => {
  const path = (url: string): string => attributesOf(factsOf({ method: 'GET', url } as Exchange), 'GET', user).path;
  assert.equal(path('/%6Detrics'), '/metrics');
  assert.equal(path('/healthz/a%20b/?x=%2F'), '/healthz/a b/');
  assert.throws(() => path('/metrics/%zz'), { code: 400 });
});

test('what lasts as long as the client likes: watches, conversations, and an image on its way', () => {
  const lasts = (url: string): boolean => isLongRunning(factsOf({ method: 'GET', url } as Exchange));
  const long = ['/api/v1/pods?watch=1', '/api/v1/namespaces/d/pods/p/log', '/naru/images/docker.io%2Fa%3A1?node=n1'];
  for (const url of long) assert.ok(lasts(url), url);
  const short = ['/api/v1/pods', '/naru/images/docker.io%2Fa%3A1', '/naru/agent/0?node=n1', '/version?node=n1'];
  for (const url of short) assert.ok(!lasts(url), url);
});

test('of very many parameters nobody takes any apart', () => {
  const many = (count: number): string => `/api/v1/pods?${'a&'.repeat(count - 1)}a`;
  assert.equal(asked('GET', many(limits.queryParametersMax)), 'list pods  - -');
  const message = 'the URL has too many query parameters';
  assert.throws(() => asked('GET', many(limits.queryParametersMax + 1)), { code: 400, message });
});

test('a path of very many segments is as one of many', () => {
  const facts = factsOf({ method: 'GET', url: `/api/v1/a/b/c${'/x'.repeat(500_000)}` } as Exchange);
  assert.ok(facts.path.kind === 'resource');
  assert.ok(facts.path.rest.length > 0 && facts.path.rest.length < limits.pathSegmentsMax);
});
