import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePath, type ResourcePath, verbOf } from './request-info.ts';

const shown = (path: string): string => {
  const parsed = parsePath(path);
  if (parsed.kind === 'path') return `path ${parsed.path}`;
  const { group, version, namespace, resource, name, subresource, rest, watch } = parsed;
  return [group, version, namespace, resource, name, subresource, ...rest, ...(watch ? ['(watch)'] : [])].join('|');
};

test('every form of URL is taken apart', () => {
  const forms = {
    '/api/v1/pods': '|v1||pods||',
    '/api/v1/namespaces/d/pods/': '|v1|d|pods||',
    '/api/v1/namespaces/d/pods/p/log': '|v1|d|pods|p|log',
    '/apis/apps/v1/namespaces/d/deployments/x/scale': 'apps|v1|d|deployments|x|scale',
    '/api/v1/nodes/n/proxy/a/b': '|v1||nodes|n|proxy|a|b',
    '/api/v1/namespaces': '|v1||namespaces||',
    '/api/v1/namespaces/d': '|v1|d|namespaces|d|',
    '/api/v1/namespaces/d/finalize': '|v1|d|namespaces|d|finalize',
    '/api/v1/namespaces/d/status': '|v1|d|namespaces|d|status',
    '/api/v1/watch/namespaces/d/pods/p': '|v1|d|pods|p||(watch)',
    '/apis/g/v/watch': 'g|v||watch||',
    '/api/v1/namespaces/d/configmaps/a%2Fb%20c': '|v1|d|configmaps|a/b c|',
    '/api/v1': 'path /api/v1',
    '/apis/apps/v1/': 'path /apis/apps/v1/',
    '/api/v1//pods': 'path /api/v1//pods',
    '/healthz': 'path /healthz',
    '/': 'path /',
  };
  for (const [path, expected] of Object.entries(forms)) assert.equal(shown(path), expected);
});

test('a URL that is not well-formed is a bad request', () => {
  assert.throws(() => parsePath('/api/v1/namespaces/%zz/pods'), { reason: 'BadRequest' });
});

test('method, name and watch make the verb', () => {
  const verb = (method: string, path: string, watch = false) => verbOf(method, parsePath(path) as ResourcePath, watch);
  assert.equal(verb('GET', '/api/v1/pods'), 'list');
  assert.equal(verb('GET', '/api/v1/pods', true), 'watch');
  assert.equal(verb('GET', '/api/v1/namespaces/d/pods/p', true), 'get');
  assert.equal(verb('GET', '/api/v1/watch/namespaces/d/pods/p'), 'watch');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    assert.equal(verb(method, '/api/v1/watch/namespaces/d/pods/p'), '', 'one can only look there');
  }
  assert.equal(verb('GET', '/api/v1/namespaces/d/pods/p', true), 'get', 'one object is not watched by its URL');
  assert.equal(verb('DELETE', '/api/v1/namespaces/d/pods'), 'deletecollection');
  assert.equal(verb('DELETE', '/api/v1/namespaces/d'), 'delete');
  for (const method of ['OPTIONS', 'constructor', '__proto__']) assert.equal(verb(method, '/api/v1/pods'), '');
});
