/**
 * What no client should do to a connection: bytes that are not HTTP, requests that stop half-way, lengths that lie, streams that are
 * reset. `raw` pieces are written as they are; what an answer to them has to be, if there is one, only HTTP says.
 */
import type { Chance } from './chance.ts';
import { nested, prototypeKeys } from './nasty.ts';

const get = 'GET /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\n';
const post = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const object = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}';

const texts: readonly (readonly string[])[] = [
  [''],
  ['\r\n\r\n\r\n\r\n'],
  ['x'],
  ['GET'],
  ['GET / HTTP/9.9\r\n\r\n'],
  ['GET / HTTP/1.1\r\n\r\n'],
  ['GET / HTTP/1.0\r\n\r\n'],
  ['GET api/v1/pods HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['GET http://other/api/v1/namespaces HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['TRACE / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  [`${get}Content-Length: -1\r\n\r\n`],
  [`${get}Content-Length: 99999999999999999999\r\n\r\n`],
  [`${post}Content-Length: 10\r\nContent-Length: 20\r\n\r\n${object}`],
  [`${post}Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  [`${post}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`],
  [`${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc`],
  [`${post}Transfer-Encoding: chunked\r\n\r\n5;${'a=b;'.repeat(5_000)}\r\nabcde\r\n0\r\n\r\n`],
  [`${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  [`${post}Transfer-Encoding: identity\r\n\r\n${object}`],
  [`${post}Content-Length: ${object.length + 100}\r\n\r\n${object}`],
  [`${post}Content-Length: 5\r\n\r\n${object}`],
  [`${post}Content-Length: ${object.length}\r\n\r\n`, object.slice(0, 20), object.slice(20)],
  [`${post}Content-Length: 4000000\r\n\r\n`, 'x'.repeat(100_000)],
  [`${post}Expect: 100-continue\r\nContent-Length: ${object.length}\r\n\r\n`, object],
  [`${post}Expect: 100-continue\r\nContent-Length: 4000000\r\n\r\n`],
  [`${post}Expect: x\r\nContent-Length: ${object.length}\r\n\r\n${object}`],
  [`${get}X: a\r\n b\r\n\r\n`],
  [`${get}X : a\r\n\r\n`],
  [`${get}X: \u0000\r\n\r\n`],
  [`${get}X: a\nY: b\r\n\r\n`],
  [`${get}: a\r\n\r\n`],
  [`${get}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`],
  [`${get}Impersonate-User: a\r\nImpersonate-User: b\r\n\r\n`],
  [`${get}Accept: application/json\r\nAccept: text/html\r\n\r\n`],
  [`${get}${prototypeKeys.map((key) => `${key}: a\r\n`).join('')}\r\n`],
  [`${get}${Array.from({ length: 3_000 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`],
  [`${get}X: ${'a'.repeat(1_100_000)}\r\n\r\n`],
  [`GET /${'a'.repeat(1_100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  [`GET /api/v1/pods?${'a=b&'.repeat(30_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  [`GET /api/v1/pods/\u00e9\u00ff HTTP/1.1\r\nHost: x\r\n\r\n`],
  [`GET /api/v1/pods/a b HTTP/1.1\r\nHost: x\r\n\r\n`],
  [`${get}\r\n`.repeat(50)],
  [`${get}\r\n`.repeat(10), 'x'],
  [`${get}Connection: close\r\n\r\n${get}\r\n`],
  [`${get}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u0000\u00ff`],
  [`HEAD /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n\r\n${get}\r\n`],
  [`DELETE /api/v1/namespaces/default/configmaps/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`],
];

const webSocket =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
const spdy = 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n';

/** Connections that become something else, and what is said on them. */
const upgraded: readonly string[] = [
  `GET /api/v1/namespaces/default/pods?watch=1&timeoutSeconds=1 HTTP/1.1\r\nHost: x\r\n${webSocket}\r\n`,
  `GET /api/v1/namespaces/default/pods/a/exec?command=x&stdout=1 HTTP/1.1\r\nHost: x\r\n${webSocket}Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
  `GET /api/v1/namespaces/default/pods/a/portforward?ports=80 HTTP/1.1\r\nHost: x\r\n${webSocket}Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n`,
  `POST /api/v1/namespaces/default/pods/a/exec?command=x&stdin=1 HTTP/1.1\r\nHost: x\r\n${spdy}X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`,
  `POST /api/v1/namespaces/default/pods/a/portforward HTTP/1.1\r\nHost: x\r\n${spdy}X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n`,
  `GET /api/v1/nodes/node-a/proxy/x HTTP/1.1\r\nHost: x\r\n${webSocket}\r\n`,
  `GET /connect/v1/nodes/node-a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: naru-node\r\n\r\n`,
];

export function rawPieces(chance: Chance): Buffer[] {
  const pieces = chance.percent(75)
    ? chance.pick(texts).map((text) => Buffer.from(text, 'latin1'))
    : [Buffer.from(chance.pick(upgraded)), junk(chance), junk(chance)];
  return chance.percent(70) ? pieces : [changed(chance, Buffer.concat(pieces))];
}

function junk(chance: Chance): Buffer {
  return chance.pick<() => Buffer>([
    () => chance.bytes(chance.int(100)),
    () => Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    () => Buffer.from([0x88, 0x80, 0, 0, 0, 0]),
    () => Buffer.from([0x80, 0x03, 0, 1, 0, 0xff, 0xff, 0xff]),
    () => Buffer.from([0x80, 0x03, 0, 4, 0, 0, 0, 0x0c, 0xff, 0xff, 0xff, 0xff]),
    () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from(nested(chance, 100)),
  ])();
}

function changed(chance: Chance, bytes: Buffer): Buffer {
  if (bytes.length === 0 || bytes.length > 100_000) return bytes;
  const copy = Buffer.from(bytes);
  if (chance.percent(50)) copy[chance.int(copy.length)] = chance.int(256);
  return chance.percent(50) ? copy.subarray(0, chance.int(copy.length + 1)) : copy;
}
