import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { limits } from '../../lib/limits.ts';
import { parsePath, type ResourcePath } from '../request-info.ts';
import { isProxyPath } from './proxy-requests.ts';
import { LinkRewriter } from './rewrite-html.ts';
import { restOfPath, rewriteUrl } from './rewrite-url.ts';

const prefix = '/api/v1/namespaces/default/pods/web/proxy';
const page = { prefix, hosts: ['10.0.0.1:80', 'localhost:8001'], requestHost: 'localhost:8001' };

test('absolute paths and addresses of the program get the prefix; all other URLs stay', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['/a/b?q=1#f', `${prefix}/a/b?q=1#f`],
    ['/', `${prefix}/`],
    ['/a/', `${prefix}/a/`],
    ['a/b', 'a/b'],
    ['?q', '?q'],
    ['', ''],
    ['http://10.0.0.1:80/a', `${prefix}/a`],
    ['http://localhost:8001/a', `http://localhost:8001${prefix}/a`],
    ['//10.0.0.1:80/a', `${prefix}/a`],
    ['https://example.com/a', 'https://example.com/a'],
    ['mailto:a@example.com', 'mailto:a@example.com'],
    [`${prefix}/a`, `${prefix}/a`],
  ];
  for (const [url, expected] of cases) assert.equal(rewriteUrl(url, page), expected);
});

test('the rest of a path never leads above the root, and keeps its slash', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/../../etc', '/etc'],
    ['/%2e%2e/%2e%2e/etc', '/etc'],
    ['//a', '/a'],
    ['/a%3Fb%23c d', '/a%3Fb%23c%20d'],
    ["/a:b@c,d=e(f)'", '/a:b@c,d=e%28f%29%27'],
  ];
  for (const [rest, expected] of cases) assert.equal(restOfPath(`${prefix}${rest}`, 7), expected, rest);
});

async function rewritten(html: string, pieceLength: number): Promise<string> {
  const rewriter = new LinkRewriter((url) => url.toUpperCase());
  const bytes = Buffer.from(html);
  for (let at = 0; at < bytes.length; at += pieceLength) rewriter.write(bytes.subarray(at, at + pieceLength));
  rewriter.end();
  return text(rewriter);
}

test('links are found wherever a page is cut, and nothing else is touched', async () => {
  const html =
    '<!DOCTYPE html><!-- <a href="c"> --><html manifest=m><body background=\'b\' class="x > y"><a title=">" HREF = "h">é <b a="n"></a>' +
    '<script src="s">if (a <b) "<img src=no>"</script><style>a>b</style><img src="i"/> 1 < 2 <3 <a href="l';
  const expected = html
    .replace('manifest=m', 'manifest=M')
    .replace("background='b'", "background='B'")
    .replace('"h"', '"H"')
    .replace('"s"', '"S"')
    .replace('"i"', '"I"');
  for (const pieceLength of [1, 2, 3, 7, 1000]) assert.equal(await rewritten(html, pieceLength), expected);
});

test('no page takes longer than its length is worth', async () => {
  const long = 64 * 1024;
  const pages = {
    'a long name without a value': `<a ${'a'.repeat(long - 10)}>`,
    'tags without an end': '<a'.repeat(long),
    'quotes without an end': `<a "${"'<a".repeat(long)}`,
    'many scripts': '<script></script>'.repeat(long / 8),
  };
  for (const [name, page] of Object.entries(pages)) {
    const start = performance.now();
    assert.equal(await rewritten(page, long), page);
    assert.ok(performance.now() - start < 1_000, name);
  }
});

test('behind a tag that is too long to hold, links are found again', async () => {
  const long = `<a title="${'x'.repeat(limits.htmlTagCharactersMax + 2000)}" href="a">`;
  assert.ok((await rewritten(`${long}<a href="b">`, 1000)) === `${long}<a href="B">`);
});

test('the old form of a URL for watches is no way to a program: it asks for less', () => {
  const leads = (path: string): boolean => isProxyPath(parsePath(path) as ResourcePath);
  assert.equal(leads('/api/v1/namespaces/d/pods/p/proxy/a'), true);
  assert.equal(leads('/api/v1/watch/namespaces/d/pods/p/proxy/a'), false);
});
