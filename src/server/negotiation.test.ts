import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsGzip, negotiate, negotiateStream, preferred } from './negotiation.ts';

const chosen = (accept?: string) => {
  const { encoding, as = '' } = negotiate(accept);
  return `${encoding} ${as}`.trim();
};

test('the first best that can be served is chosen', () => {
  assert.equal(chosen(), 'json');
  assert.equal(chosen('*/*'), 'json');
  assert.equal(chosen('application/vnd.kubernetes.protobuf, application/json'), 'json');
  assert.equal(chosen('application/json;q=0.5, application/yaml;q=0.9'), 'yaml');
  assert.equal(chosen('text/html, application/*;q=0.1'), 'json');
  assert.equal(chosen('application/json;as=Table;v=v1;g=meta.k8s.io,application/json'), 'json Table');
  assert.equal(chosen('application/json;as=Pie;v=v1;g=meta.k8s.io,application/yaml'), 'yaml');
  assert.equal(chosen('application/json;as=Table;v=v9;g=meta.k8s.io,application/json'), 'json');
});

test('what cannot be served is 406', () => {
  for (const accept of ['text/html', 'application/json;q=0', 'application/json;as=Pie;g=meta.k8s.io;v=v1']) {
    assert.throws(() => negotiate(accept), {
      code: 406,
      message: 'only the following media types are accepted: application/json, application/yaml',
    });
  }
  assert.throws(() => negotiateStream('application/yaml'), { code: 406 });
  assert.equal(negotiateStream(undefined).encoding, 'json');
});

test('a refused encoding is not taken for an accepted one', () => {
  assert.equal(acceptsGzip('gzip, deflate'), true);
  assert.equal(acceptsGzip('gzip;q=0'), false);
  assert.equal(acceptsGzip(undefined), false);
});

test('documents that are no API objects are chosen by type alone', () => {
  assert.equal(preferred('text/*, application/json;q=0.5', ['application/json', 'text/plain']), 'text/plain');
  assert.equal(preferred('image/png', ['application/json']), undefined);
});
