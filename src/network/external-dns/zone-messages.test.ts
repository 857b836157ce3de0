import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { SeededPrng } from '../../lib/prng.ts';
import { recordTypes } from '../dns/wire.ts';
import { planZone } from './plan.ts';
import { targetSets } from './records.ts';
import { zoneOf } from './testing.ts';
import { signatureError, TsigExchange, type TsigKey } from './tsig.ts';
import { decodeAnswer, encodeQuestion, encodeUpdate } from './zone-messages.ts';

const key: TsigKey = { name: 'naru-key', algorithm: 'hmac-sha256', secret: Buffer.from('secret') };
const now = 1_800_000_000;

test('questions are read by another codec', () => {
  const { id, questions, flags } = dnsPacket.decode(encodeQuestion(4711, 'example.com', recordTypes.AXFR));
  assert.deepEqual(
    { id, questions, flags },
    { id: 4711, flags: 0, questions: [{ name: 'example.com', type: 'AXFR', class: 'IN' }] },
  );
});

test('an update has the zone, what must be so, and what is to be done', () => {
  const sets = targetSets('www.example.com', 60, ['192.0.2.1']);
  const [change] = planZone({ zone: 'example.com', owner: 'me', policy: 'sync', txtPrefix: '' }, zoneOf(), [
    { name: 'www.example.com', resource: 'service/default/web', sets },
  ]).changes;
  assert.ok(change);
  const bytes = encodeUpdate(1, 'example.com', change);
  assert.equal(bytes.readUInt16BE(2), 5 << 11, 'opcode UPDATE');
  assert.deepEqual(
    [4, 6, 8, 10].map((offset) => bytes.readUInt16BE(offset)),
    [1, change.prerequisites.length, 2, 0],
  );
  // Class NONE, no time, no data: the set does not exist.
  assert.ok(
    bytes.includes(Buffer.from('\x03www\x07example\x03com\x00\x00\x01\x00\xfe\x00\x00\x00\x00\x00\x00', 'latin1')),
  );
  assert.ok(
    bytes.includes(
      Buffer.from('\x03www\x07example\x03com\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01', 'latin1'),
    ),
  );
});

test('long texts are cut into parts, and put together again', () => {
  const text = 'x'.repeat(700);
  const set = { name: 'a.example.com', type: recordTypes.TXT, ttl: 1, values: [text] };
  const update = encodeUpdate(1, 'example.com', { prerequisites: [], operations: [{ kind: 'add', set }] });
  // The update's second section is read as an answer: first, that of what must be so, is empty.
  update.writeUInt16BE(0x8000, 2);
  update.writeUInt16BE(1, 6);
  assert.deepEqual(decodeAnswer(update)?.answers, [
    { name: 'a.example.com', type: recordTypes.TXT, ttl: 1, value: text },
  ]);
});

const answerBytes = (): Buffer =>
  dnsPacket.encode({
    type: 'response',
    id: 7,
    flags: dnsPacket.AUTHORITATIVE_ANSWER,
    questions: [{ name: 'www.example.com', type: 'A' }],
    answers: [
      { name: 'WWW.example.com', type: 'A', ttl: 5, data: '192.0.2.1' },
      { name: 'www.example.com', type: 'AAAA', ttl: 5, data: '2001:db8:0::1' },
      { name: 'www.example.com', type: 'CNAME', ttl: 5, data: 'Lb.example.net' },
      { name: 'www.example.com', type: 'TXT', ttl: 5, data: ['heritage=', 'external-dns'] },
      { name: 'www.example.com', type: 'MX', ttl: 5, data: { preference: 1, exchange: 'mail.example.com' } },
    ],
  });

test('answers of another codec are read', () => {
  const answer = decodeAnswer(answerBytes());
  assert.deepEqual(answer && [answer.id, answer.code, answer.isAuthoritative], [7, 0, true]);
  assert.deepEqual(
    answer?.answers.map(({ name, type, value }) => `${name} ${type} ${value}`),
    [
      'www.example.com 1 192.0.2.1',
      'www.example.com 28 2001:db8::1',
      'www.example.com 5 lb.example.net',
      'www.example.com 16 heritage=external-dns',
      'www.example.com 15 ',
    ],
  );
});

test('bytes of any kind are read or refused, and never believed', () => {
  const prng = new SeededPrng(3);
  const good = answerBytes();
  let refused = 0;
  for (let turn = 0; turn < 5000; turn++) {
    const bytes = Buffer.from(
      good.subarray(0, prng.next() < 0.5 ? good.length : Math.floor(prng.next() * good.length)),
    );
    for (let left = prng.next() * 4; left > 0 && bytes.length > 0; left--)
      bytes[Math.floor(prng.next() * bytes.length)] = Math.floor(prng.next() * 256);
    if (decodeAnswer(bytes) === undefined) refused++;
    if (bytes.length < 12) continue;
    const exchange = new TsigExchange(key);
    exchange.sign(encodeQuestion(7, 'www.example.com', 1), now);
    assert.throws(() => exchange.verify(bytes, now));
  }
  assert.ok(refused > 1000, `${refused} refused`);
});

const label = (text: string): Buffer =>
  Buffer.from([...text.split('.').flatMap((one) => [one.length, ...Buffer.from(one)]), 0]);
const two = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** A server's own signing, step by step as RFC 8945 has it in its section 4.3. */
class Signer {
  mac: Buffer;
  isFirst = true;
  between: Buffer[] = [];

  constructor(question: Buffer) {
    const macStart = question.indexOf(label('hmac-sha256')) + label('hmac-sha256').length + 10;
    this.mac = question.subarray(macStart, macStart + 32);
  }

  sign(message: Buffer, seconds = now, secret = key.secret, error = 0): Buffer {
    const time = Buffer.concat([
      two(Math.floor(seconds / 2 ** 32)),
      two((seconds >>> 16) & 0xffff),
      two(seconds & 0xffff),
      two(300),
    ]);
    const names = [label('naru-key'), two(255), Buffer.alloc(4), label('hmac-sha256')];
    const tail = this.isFirst ? [...names, time, two(error), two(0)] : [time];
    const parts = [two(this.mac.length), this.mac, ...this.between, message, ...tail];
    this.mac = createHmac('sha256', secret).update(Buffer.concat(parts)).digest();
    this.isFirst = false;
    this.between = [];
    const data = Buffer.concat([
      label('hmac-sha256'),
      time,
      two(32),
      this.mac,
      message.subarray(0, 2),
      two(error),
      two(0),
    ]);
    const result = Buffer.concat([
      message,
      label('naru-key'),
      two(250),
      two(255),
      Buffer.alloc(4),
      two(data.length),
      data,
    ]);
    result.writeUInt16BE(result.readUInt16BE(10) + 1, 10);
    return result;
  }
}

function exchange(): { client: TsigExchange; server: Signer } {
  const client = new TsigExchange(key);
  return { client, server: new Signer(client.sign(encodeQuestion(7, 'www.example.com', 1), now)) };
}

test('a signed answer is believed, and none that was changed on the way', () => {
  const { client, server } = exchange();
  assert.equal(client.isComplete, false);
  const answer = server.sign(answerBytes());
  client.verify(answer, now);
  assert.equal(client.isComplete, true);
  assert.equal(signatureError(answer), 0);
  for (let at = 0; at < answer.length; at++) {
    const { client: another } = exchange();
    const changed = Buffer.from(answer);
    changed[at] = (changed[at] as number) ^ 1;
    // The identifier outside of the signature is put back to the one inside; names have no cases.
    if (at > 1) assert.throws(() => another.verify(changed, now), `byte ${at}`);
  }
});

const refusals: readonly (readonly [what: string, answer: (server: Signer) => Buffer, fault: RegExp])[] = [
  ['unsigned', () => answerBytes(), /is not signed/],
  [
    'another secret',
    (server) => server.sign(answerBytes(), now, Buffer.from('other')),
    /signature of the answer is wrong/,
  ],
  ['an old signature', (server) => server.sign(answerBytes(), now - 301), /too old or too new/],
  [
    'an answer to another question',
    () => new Signer(new TsigExchange(key).sign(encodeQuestion(8, 'www.example.com', 1), now)).sign(answerBytes()),
    /signature of the answer is wrong/,
  ],
];

for (const [what, answer, fault] of refusals) {
  test(`not believed: ${what}`, () => {
    const { client, server } = exchange();
    assert.throws(() => client.verify(answer(server), now), fault);
  });
}

test('what the server finds wrong with a signature is read', () => {
  const { server } = exchange();
  assert.equal(signatureError(server.sign(answerBytes(), now, key.secret, 16)), 16);
  assert.equal(signatureError(answerBytes()), 0);
});

test('of a transfer not every message is signed, but the first and the last are, and each in its order', () => {
  const { client, server } = exchange();
  client.verify(server.sign(answerBytes()), now);
  for (let count = 0; count < 3; count++) {
    server.between.push(answerBytes());
    client.verify(answerBytes(), now);
  }
  assert.equal(client.isComplete, false);
  client.verify(server.sign(answerBytes()), now);
  assert.equal(client.isComplete, true);
  client.verify(answerBytes(), now);
  assert.throws(() => client.verify(server.sign(answerBytes()), now), /wrong/, 'one was put in between');

  const { client: other, server: endless } = exchange();
  other.verify(endless.sign(answerBytes()), now);
  for (let count = 0; count < 99; count++) other.verify(answerBytes(), now);
  assert.throws(() => other.verify(answerBytes(), now), /not signed/);
});
