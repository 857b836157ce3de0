import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCertificateRequest } from './certificate-request.ts';
import { type KeyKind, makeCertificateRequest } from './make-request.ts';
import { pemBlocks, pemText } from './pem.ts';
import { checkRequestSignature } from './request-signature.ts';

const parse = (text: string) => parseCertificateRequest(Buffer.from(text));
const derOf = (text: string): Buffer => pemBlocks(text)[0]?.bytes ?? Buffer.alloc(0);
const again = (der: Uint8Array) => pemText('CERTIFICATE REQUEST', der);

for (const key of ['ecdsa', 'rsa', 'ed25519'] satisfies KeyKind[]) {
  test(`a request with a key of the kind ${key} says who asks, and is refused where a byte was changed`, async () => {
    const { request } = await makeCertificateRequest({
      key,
      commonName: 'añn, "x"',
      organizations: ['team', 'b'],
      dnsNames: ['a.example'],
      ipAddresses: ['192.0.2.7', '2001:db8::1'],
      emailAddresses: ['a@b.example'],
      uris: ['spiffe://x/y'],
    });
    const { commonName, organizations, dnsNames, ipAddresses, emailAddresses, uris } = parse(request);
    assert.deepEqual(
      { commonName, organizations, dnsNames, ipAddresses, emailAddresses, uris },
      {
        commonName: 'añn, "x"',
        organizations: ['team', 'b'],
        dnsNames: ['a.example'],
        ipAddresses: ['192.0.2.7', '2001:db8::1'],
        emailAddresses: ['a@b.example'],
        uris: ['spiffe://x/y'],
      },
    );
    checkRequestSignature(parse(request));
    const forged = derOf(request);
    const at = forged.indexOf('team');
    forged[at] = 'T'.charCodeAt(0);
    const words = { ecdsa: 'x509: ECDSA', rsa: 'crypto/rsa:', ed25519: 'x509: Ed25519' }[key];
    assert.throws(() => checkRequestSignature(parse(again(forged))), { message: new RegExp(`^${words} verification`) });
  });
}

test('what is no request is refused in the words of Go', async () => {
  const { request } = await makeCertificateRequest({ commonName: 'x' });
  const der = derOf(request);
  const wrong: readonly (readonly [text: string, message: RegExp])[] = [
    ['', /^PEM block type must be CERTIFICATE REQUEST$/],
    [pemText('CERTIFICATE', der), /^PEM block type must be CERTIFICATE REQUEST$/],
    [again(Buffer.alloc(0)), /^asn1: syntax error: sequence truncated$/],
    [again(der.subarray(0, 100)), /^asn1: syntax error: data truncated$/],
    [again(Buffer.concat([der, Buffer.from([0])])), /^asn1: syntax error: trailing data$/],
    [again(Buffer.from([0x30, 0x80, 0, 0])), /^asn1: syntax error: indefinite length found \(not DER\)$/],
    [again(Buffer.from([0x05, 0x00])), /^asn1: structure error: tags don't match$/],
    [again(Buffer.from([0x30, 0x00])), /^asn1: syntax error: sequence truncated$/],
  ];
  for (const [text, message] of wrong) assert.throws(() => parse(text), { message });
});

test('a request cut or changed anywhere is read or refused, and nothing else happens', async () => {
  const { request } = await makeCertificateRequest({ commonName: 'x', dnsNames: ['a.example'] });
  const der = derOf(request);
  for (let at = 0; at < der.length; at++) {
    for (const value of [0, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(der);
      if (changed[at] === value) continue;
      changed[at] = value;
      assert.throws(() => checkRequestSignature(parse(again(changed))), Error);
    }
    assert.throws(() => parse(again(der.subarray(0, at))), Error);
  }
});

test('PEM: text between blocks, headers and broken blocks are told apart', () => {
  const block = '-----BEGIN A-----\nMAA=\n-----END A-----\n';
  const types = (text: string) => pemBlocks(text).map(({ type, hasHeaders }) => `${type}${hasHeaders ? '+' : ''}`);
  assert.deepEqual(types(`words\n${block}more\n${block}`), ['A', 'A']);
  assert.deepEqual(types('-----BEGIN A-----\nName: x\n\nMAA=\n-----END A-----'), ['A+']);
  assert.deepEqual(types('-----BEGIN A-----\nMAA=\n-----END B-----\n'), []);
  assert.deepEqual(types(`-----BEGIN A-----\n!\n-----END A-----\n${block}`), ['A']);
  assert.deepEqual(types(`-----BEGIN B-----\n${block}`), ['A']);
  assert.deepEqual(types('-----BEGIN A-----\n-----END A-----\n'), ['A']);
  assert.deepEqual(types(block.replaceAll('\n', '\r\n')), ['A']);
  assert.deepEqual(types(`x${block}`), []);
  assert.equal(pemBlocks('-----BEGIN A-----\n'.repeat(50_000)).length, 0);
  assert.equal(pemBlocks(`${'-----BEGIN A-----\n'.repeat(50_000)}\n-----END B-----\n`).length, 0);
});
