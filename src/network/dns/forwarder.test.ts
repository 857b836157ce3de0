/** Asking others, in virtual time: turns, failures, caching, what is stale, and bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import type { ForwardedMessage } from './forwarded-message.ts';
import { Forwarder, type Outcome, type ServerGroup } from './forwarder.ts';
import { type Forwarded, questionBytes } from './questions.ts';
import { nameAsked, replyTo } from './testing.ts';
import type { Exchange } from './upstream.ts';

const one: ServerGroup = { name: '', servers: [{ address: '192.0.2.1', port: 53 }] };
const two: ServerGroup = { name: '', servers: [...one.servers, { address: '192.0.2.2', port: 53 }] };

const asking = (name: string, type = 1): Forwarded => ({
  question: questionBytes(name, type),
  dnssecOk: false,
  checkingDisabled: false,
});

const soa = (minimum: number): { type: 'SOA'; name: string; ttl: number; data: object } => ({
  type: 'SOA',
  name: 'example.com',
  ttl: 300,
  data: { mname: 'ns.example.com', rname: 'x.example.com', serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
});

const address = (asked: Forwarded, ttl: number): ForwardedMessage =>
  replyTo(asked, { answers: [{ type: 'A', name: nameAsked(asked), ttl, data: '192.0.2.80' }] });

/** Each server has a word; `silent` never answers. */
type Word = 'good' | 'silent' | 'refused' | 'closed' | ((asked: Forwarded) => ForwardedMessage);

function world(words: Record<string, Word>, cacheSeconds = 3600) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const reports: string[] = [];
  let open = 0;
  const exchange: Exchange = (server, question, signal) => {
    asked.push(`${server.address.at(-1)} ${clock.monotonic()}`);
    const word = words[server.address] ?? 'silent';
    if (word === 'closed') return Promise.reject(new Error('connection refused'));
    if (word === 'refused') return Promise.resolve(replyTo(question, { code: 5 }));
    if (word === 'good') return Promise.resolve(address(question, 60));
    if (word !== 'silent') return Promise.resolve(word(question));
    open++;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        open--;
        reject(signal.reason as Error);
      });
    });
  };
  const forwarder = new Forwarder({
    clock,
    exchange,
    cacheSeconds: () => cacheSeconds,
    report: (message) => void reports.push(message),
  });
  const ask = async (group: ServerGroup, name = 'www.example.com'): Promise<string> => {
    let outcome: Outcome | undefined;
    void forwarder.ask(group, asking(name)).then((settled) => (outcome = settled));
    await clock.advance(10_000, () => outcome !== undefined);
    assert.ok(outcome !== undefined, 'there is an outcome in time');
    if (outcome === 'failed') return 'failed';
    return `${outcome.message.code}${outcome.isStale ? ' stale' : ''}`;
  };
  return { clock, asked, reports, forwarder, ask, words, open: () => open };
}

test('a silent server is passed by after a second, and asked last from then on', async () => {
  const { ask, asked, open } = world({ '192.0.2.1': 'silent', '192.0.2.2': 'good' });
  assert.equal(await ask(two), '0');
  assert.equal(await ask(two, 'other.example.com'), '0');
  assert.deepEqual(asked, ['1 0', '2 1000', '2 1000']);
  assert.equal(open(), 0);
});

test('one that is closed or refuses is passed by at once; where all refuse, that is the answer', async () => {
  const closed = world({ '192.0.2.1': 'closed', '192.0.2.2': 'good' });
  assert.equal(await closed.ask(two), '0');
  assert.deepEqual(closed.asked, ['1 0', '2 0']);
  const refusing = world({ '192.0.2.1': 'refused', '192.0.2.2': 'good' });
  assert.equal(await refusing.ask(two), '0');
  const all = world({ '192.0.2.1': 'refused', '192.0.2.2': 'refused' });
  assert.equal(await all.ask(two), '5');
});

test('where nobody answers, a client hears it before it gives up, and others are not kept waiting', async () => {
  const { ask, asked, clock, reports, open } = world({});
  assert.equal(await ask(two), 'failed');
  assert.ok(clock.monotonic() < 5000, String(clock.monotonic()));
  assert.equal(open(), 0);
  const before = asked.length;
  assert.equal(await ask(two), 'failed');
  assert.equal(asked.length, before);
  await clock.advance(2000);
  assert.equal(await ask(two), 'failed');
  assert.ok(asked.length > before);
  assert.deepEqual(new Set(reports), new Set(['no name server answers']));
});

test('without any server it fails at once and says why', async () => {
  const { ask, reports, clock } = world({});
  assert.equal(await ask({ name: '', servers: [] }), 'failed');
  assert.deepEqual([clock.monotonic(), reports.length], [0, 1]);
});

test('equal questions are asked once, also from many at a time', async () => {
  const { forwarder, asked, clock } = world({ '192.0.2.1': 'good' });
  const outcomes = Promise.all(Array.from({ length: 50 }, () => forwarder.ask(one, asking('www.example.com'))));
  await clock.advance(0);
  assert.ok((await outcomes).every((outcome) => outcome !== 'failed'));
  assert.equal(asked.length, 1);
});

test('an answer is kept for as long as it says, and its seconds run', async () => {
  const { ask, asked, clock, forwarder } = world({ '192.0.2.1': 'good' });
  await ask(one);
  await clock.advance(59_000);
  const known = forwarder.known(one, asking('www.example.com'));
  assert.deepEqual([known?.ageSeconds, known?.ttlMax], [59, 1]);
  await clock.advance(1000);
  await ask(one);
  assert.equal(asked.length, 2);
});

test('how long answers are kept: rows', async () => {
  const reply =
    (answers: number[], minimum?: number, code = 0): Word =>
    (asked) =>
      replyTo(asked, {
        code,
        answers: answers.map((ttl) => ({ type: 'A' as const, name: nameAsked(asked), ttl, data: '192.0.2.80' })),
        authorities: minimum === undefined ? [] : [soa(minimum) as never],
      });
  const rows: readonly (readonly [string, Word, number])[] = [
    ['the least of several', reply([300, 20, 60]), 20],
    ['not above the setting', reply([90_000]), 3600],
    ['0', reply([0]), 0],
    ['one that is negative by its highest bit', reply([2 ** 31]), 0],
    ['NXDOMAIN by its SOA', reply([], 30, 3), 30],
    ['NXDOMAIN by the SOA’s own time', reply([], 3600, 3), 300],
    ['no data by its SOA', reply([], 45), 45],
    ['NXDOMAIN without SOA', reply([], undefined, 3), 0],
    ['SERVFAIL', reply([], 60, 2), 0],
  ];
  for (const [what, word, seconds] of rows) {
    const { ask, clock, forwarder } = world({ '192.0.2.1': word });
    await ask(one);
    const isKnown = (): boolean => forwarder.known(one, asking('www.example.com')) !== undefined;
    if (seconds > 0) {
      await clock.advance(seconds * 1000 - 1);
      assert.ok(isKnown(), what);
      await clock.advance(1);
    }
    assert.ok(!isKnown(), what);
  }
});

test('while nobody answers, what is old is better than nothing: at once, or after less than two seconds', async () => {
  const { ask, clock, words, forwarder } = world({ '192.0.2.1': 'good' });
  await ask(one);
  words['192.0.2.1'] = 'closed';
  await clock.advance(120_000);
  assert.equal(await ask(one), '0 stale');
  words['192.0.2.1'] = 'silent';
  await clock.advance(5000);
  const startedMs = clock.monotonic();
  assert.equal(await ask(one), '0 stale');
  assert.ok(clock.monotonic() - startedMs <= 1800);
  await clock.advance(10_000);
  words['192.0.2.1'] = 'good';
  assert.equal(await ask(one), '0');
  words['192.0.2.1'] = 'closed';
  await clock.advance(86_400_000 + 120_000);
  assert.equal(await ask(one), 'failed');
  forwarder.close();
});

test('one group’s answers are not another’s, and questions with other flags are others', async () => {
  const { ask, asked, forwarder } = world({ '192.0.2.1': 'good' });
  await ask(one);
  await ask({ ...one, name: 'corp.example' });
  assert.equal(asked.length, 2);
  assert.equal(forwarder.known(one, { ...asking('www.example.com'), dnssecOk: true }), undefined);
  assert.equal(forwarder.known(one, asking('www.example.com', 28)), undefined);
});

test('the number of questions under way is bounded, and closing ends them', async () => {
  const { forwarder, clock, reports, open } = world({});
  const outcomes = Array.from({ length: 1001 }, (_, index) => forwarder.ask(one, asking(`n${index}.example.com`)));
  assert.equal(await outcomes[1000], 'failed');
  assert.equal(forwarder.underWay, 1000);
  assert.deepEqual(reports, ['too many questions to other name servers are under way']);
  forwarder.close();
  await clock.advance(0);
  assert.ok((await Promise.all(outcomes)).every((outcome) => outcome === 'failed'));
  assert.deepEqual([forwarder.underWay, open()], [0, 0]);
});
