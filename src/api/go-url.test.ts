import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRequestUri, parseRequestUri, parseUrl, queryValues, sameUrl, splitHostPort, UrlError } from './go-url.ts';

test('URLs are taken apart as Go does', () => {
  const { scheme, user, host, escapedPath, query, fragment } = parseUrl(
    'HTTP://me:pw@Example.com:80/a%20b/ü?x=1#f%20g',
  );
  assert.deepEqual([scheme, user, host, query, fragment], ['http', 'me:pw', 'Example.com:80', 'x=1', 'f g']);
  assert.equal(escapedPath, '/a%20b/%C3%BC');
  assert.equal(parseUrl('mailto:a@b').opaque, 'a@b');
  assert.equal(parseRequestUri('*').escapedPath, '*');
  assert.equal(parseRequestUri('//a/b').host, '', 'without a scheme it is a path');
  assert.equal(parseUrl('//a/b').host, 'a');
  assert.equal(parseUrl('https://[fe80::1%25en0]:1/').host, '[fe80::1%en0]:1');
});

test('what is no URL is told in the words of Go', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', 'empty url'],
    ['a/b', 'invalid URI for request'],
    ['http://[::1', "missing ']' in host"],
    ['http://[1.2.3.4]/', 'invalid host: ParseAddr("1.2.3.4"): unable to parse IP'],
    ['http://a:b/', 'invalid port ":b" after host'],
    ['http://a b/', 'invalid character " " in host name'],
    ['http://a%41/', 'invalid URL escape "%41"'],
    ['http://a/%4', 'invalid URL escape "%4"'],
    ['http://a@b@c/', ''],
    ['http://a\u0000/', 'net/url: invalid control character in URL'],
    ['http://a\\@b/', 'net/url: invalid userinfo'],
    [':x', 'missing protocol scheme'],
  ];
  for (const [text, why] of rows) {
    if (why === '') assert.ok(isRequestUri(text), text);
    else
      assert.throws(
        () => parseRequestUri(text),
        (error) => error instanceof UrlError && error.message.endsWith(`": ${why}`),
        text,
      );
  }
  assert.throws(() => parseUrl('a:b/c:d#%zz'), /invalid URL escape "%zz"/);
  assert.throws(() => parseUrl('1a:b'), /first path segment in URL cannot contain colon/);
});

test('hosts, ports and queries', () => {
  assert.deepEqual(splitHostPort('[::1]:80'), { hostname: '::1', port: '80' });
  assert.deepEqual(splitHostPort('a:'), { hostname: 'a', port: '' });
  assert.deepEqual(splitHostPort('a'), { hostname: 'a', port: '' });
  const values = queryValues(parseUrl('/x?a=1&a=2&b&c=%zz&d;e=f&%67=h+i'));
  assert.deepEqual(Object.fromEntries(values), { a: ['1', '2'], b: [''], g: ['h i'] });
  assert.ok(sameUrl(parseUrl('http://a/b?#f'), parseUrl('http://a/b?#f')));
  assert.ok(!sameUrl(parseUrl('http://a/b'), parseUrl('http://a/b?')));
});

test('long and strange texts are read in no time', () => {
  const texts = [
    `http://${'['.repeat(100_000)}`,
    `/${'%41'.repeat(100_000)}`,
    `http://a:${'1'.repeat(100_000)}/`,
    '%'.repeat(100_000),
  ];
  for (const text of texts) isRequestUri(text);
});
