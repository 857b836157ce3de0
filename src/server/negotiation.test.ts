import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsGzip, bodyEncoding, negotiate, negotiateStream, preferred, wantsPretty } from './negotiation.ts';

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

test('what has no table is never one: the next that the client accepts, or 406', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  assert.throws(() => negotiate(table, true, false), { code: 406, reason: 'NotAcceptable' });
  assert.equal(negotiate(`${table},application/yaml`, true, false).encoding, 'yaml');
  assert.equal(negotiate(`${table},application/yaml`, true).as, 'Table');
});

test('what cannot be served is 406', () => {
  for (const accept of ['text/html', 'application/json;q=0', 'application/json;as=Pie;g=meta.k8s.io;v=v1']) {
    assert.throws(() => negotiate(accept), {
      code: 406,
      message:
        'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    });
  }
  // The first that would do decides, and YAML has no stream.
  for (const accept of ['application/yaml', 'application/yaml, application/json;q=0.5']) {
    assert.throws(() => negotiateStream(accept), {
      code: 406,
      message:
        'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    });
  }
  assert.equal(negotiateStream(undefined).encoding, 'json');
});

test('a wildcard means JSON, after what is named', () => {
  assert.equal(chosen('*'), 'json');
  assert.equal(chosen('*/*, application/yaml'), 'yaml');
  assert.equal(chosen('application/*;as=Table;v=v1beta1;g=meta.k8s.io'), 'json Table');
  assert.equal(chosen('application/json;as=Table;g=meta.k8s.io, application/yaml'), 'yaml');
});

test('parameters that cannot be met leave the range aside', () => {
  assert.equal(chosen('application/json;stream=watch'), 'json');
  assert.equal(chosen('application/json;stream=other, application/yaml'), 'yaml');
  assert.equal(chosen('application/yaml;stream=watch, application/json'), 'json');
  assert.equal(chosen('application/json;sv=v2, application/yaml'), 'yaml');
  assert.equal(negotiate('application/json;pretty=1').pretty, true);
  assert.equal(negotiate('application/json;charset=utf-8').pretty, false);
});

test('protobuf has metadata, also of custom resources, and no tables', () => {
  const asked = (as: string) => `application/vnd.kubernetes.protobuf;as=${as};g=meta.k8s.io;v=v1, application/json`;
  assert.equal(chosen(asked('PartialObjectMetadata')), 'protobuf PartialObjectMetadata');
  assert.equal(negotiate(asked('Table'), true).encoding, 'json');
  assert.equal(negotiate(asked('PartialObjectMetadataList'), true).encoding, 'protobuf');
  assert.equal(negotiateStream(asked('PartialObjectMetadata')).encoding, 'protobuf');
  assert.equal(negotiateStream(asked('PartialObjectMetadataList'), true).encoding, 'protobuf');
  assert.throws(() => negotiateStream(asked('PartialObjectMetadataList')), { code: 406 });
});

test('a body is JSON where nobody says, and refused where it says nonsense', () => {
  assert.equal(bodyEncoding(undefined), 'json');
  assert.equal(bodyEncoding('application/json; charset=utf-8'), 'json');
  assert.equal(bodyEncoding('Application/YAML;'), 'yaml');
  assert.equal(bodyEncoding('application/vnd.kubernetes.protobuf'), 'protobuf');
  for (const type of ['application/cbor', 'text/plain', 'application/json; charset', 'json']) {
    assert.throws(() => bodyEncoding(type), {
      code: 415,
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    });
  }
});

test('indented output is for people', () => {
  const pretty = (query: string, userAgent?: string) => wantsPretty(new URLSearchParams(query), userAgent);
  assert.deepEqual(
    [pretty(''), pretty('', 'curl/8'), pretty('', 'Wget/1'), pretty('', 'Mozilla/5.0 x')],
    [false, true, true, true],
  );
  assert.deepEqual(
    [pretty('pretty=1'), pretty('pretty=false', 'curl/8'), pretty('pretty=x', 'curl/8')],
    [true, false, false],
  );
  assert.deepEqual([pretty('pretty=', 'curl/8'), pretty('pretty')], [true, false]);
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

test('an Accept header without an end is read up to a bound', () => {
  const start = performance.now();
  assert.throws(() => negotiate(`${','.repeat(1_000_000)}application/json`), { code: 406 });
  assert.equal(negotiate(`application/yaml,${'a/b,'.repeat(250_000)}`).encoding, 'yaml');
  assert.ok(performance.now() - start < 500);
});

test('a range has few parameters: of very many the first count', () => {
  const startMs = performance.now();
  assert.equal(chosen(`application/yaml;a=b${';'.repeat(900_000)}`), 'yaml');
  assert.ok(performance.now() - startMs < 200, 'it is not taken apart');
});
