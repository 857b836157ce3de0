import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../registry/request.ts';
import type { Exchange } from './http/exchange.ts';
import { attributesOf, factsOf } from './request-facts.ts';

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
