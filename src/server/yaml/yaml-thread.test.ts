/** The thread against `parseYaml`: what it reads, it reads the same; and its bounds. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { DecodeError } from '../../api/decode-error.ts';
import type { ParsedDocument } from '../../api/decode-json.ts';
import { literalsOf } from '../../api/number-literals.ts';
import { StatusError } from '../../api/status-error.ts';
import { documentAtAGlance, parseYaml } from '../../api/yaml.ts';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { parseApplyPatch, parseObjectBody } from '../request-body.ts';
import { startTestServer } from '../testing.ts';
import { type ReadYaml, YamlThread } from './yaml-thread.ts';

const living = new Set<Worker>();
let started = 0;
process.on('worker', (worker) => {
  started++;
  living.add(worker);
  worker.on('exit', () => living.delete(worker));
});
afterEach(async () => {
  const left = living.size;
  await Promise.all([...living].map((worker) => worker.terminate()));
  assert.equal(left, 0, 'no thread is left');
});

const staying = { onClose: (): void => {} };
const pod = { kind: 'Pod', apiVersion: 'v1' };

/** So large that it goes to the thread, where it is not read at a glance. */
const padded = (text: string): Buffer =>
  Buffer.from(`${text}\n# ${'large '.repeat(limits.yamlCharactersInlineMax / 6)}\n`);

/** Seconds of work. */
const slow = Buffer.from(`[${'1,'.repeat(limits.yamlCharactersMax / 2 - 2)}1]`);

function outcome(read: () => ParsedDocument): unknown {
  try {
    const { value, duplicates, inOrder } = read();
    return { value, duplicates, literals: literalsOf(value), inOrder: inOrder !== undefined };
  } catch (error) {
    assert.ok(error instanceof DecodeError || error instanceof StatusError, String(error));
    const { name, message } = error;
    return { name, message, ...(error instanceof StatusError && { status: error.toStatus() }) };
  }
}

async function refusal(work: Promise<unknown>): Promise<StatusError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  assert.fail('nothing was refused');
}

async function agrees(thread: YamlThread, bytes: Buffer): Promise<unknown> {
  const read = await thread.prepare(bytes, staying);
  const expected = outcome(() => parseYaml(bytes));
  const shown = bytes.subarray(0, 200).toString();
  assert.deepEqual(
    outcome(() => read(bytes)),
    expected,
    shown,
  );
  for (const body of [
    (readYaml: ReadYaml = parseYaml) => parseApplyPatch(bytes, readYaml),
    (readYaml: ReadYaml = parseYaml) => parseObjectBody(bytes, 'yaml', pod, readYaml),
  ]) {
    assert.deepEqual(
      outcome(() => body(read)),
      outcome(() => body()),
      shown,
    );
  }
  return expected;
}

const documents: readonly string[] = [
  '{a: 1, b: [x, {c: ~}]}',
  'a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2',
  'a: 1\na: 2\nb: {c: 1, c: 2}',
  'a: [9007199254740993, 1]\nb: {c: 12345678901234567890, d: {e: -9007199254740995}}\n2: [[9007199254740993]]',
  'a: {__proto__: {b: 1}, constructor: 2}',
  'a: "\\ud800 \\u0000 \\U0001F600"',
  'a: [-0, 0x1F, 1e3, .5, yes, 0777, "1"]',
  '--- \n{a: 1}\n---\n{b: 2}',
  '--- # nothing\n...',
  '!!binary aGVsbG8=',
  'a: !!int x',
  'a: {b: .inf}',
  'a: [1',
  'a: *nowhere',
  'a: {? [b] : c}',
  'a: &x [*x]',
  '\ufeffa: {b: 1}',
  '"text": {apiVersion: []}',
  '{apiVersion: [], kind: 1}',
  '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: null}',
  `a: ${'['.repeat(300)}${']'.repeat(300)}`,
  `a: &x ${'y'.repeat(1000)}\nb: [${'*x ,'.repeat(4000)}1]`,
];

test('a document from the thread is the one that would have been read here, and so is a refusal', async () => {
  const thread = new YamlThread(new RealClock());
  const outcomes = [];
  for (const text of documents) {
    assert.equal(documentAtAGlance(padded(text).toString()), undefined, text);
    outcomes.push(await agrees(thread, padded(text)));
  }
  await thread.close();
  const told = JSON.stringify(outcomes);
  for (const part of ['already set in map', '9007199254740993', 'unknown anchor', 'excessive aliasing', '256 levels']) {
    assert.ok(told.includes(part), part);
  }
});

test('random documents are read the same either way', async () => {
  const pieces = ['a', 'b: ', 'c:', '- ', '\n', '\n  ', '\n- ', ' ', '#', '"', "'", '|', '1', '{', '}', '[', ']', ', '];
  const more = [
    'a: 1\n',
    '&x ',
    '*x',
    '!!str ',
    '<<: ',
    '{a: 1}',
    '[b]',
    '>\n  x',
    '9007199254740993',
    '---\n',
    '~',
    '? ',
  ];
  const soup = fc.array(fc.constantFrom(...pieces, ...more), { maxLength: 16 }).map((parts) => parts.join(''));
  const texts = fc.sample(
    fc.oneof(
      soup,
      soup.map((text) => `x: [{y: 1}]\n${text}`),
    ),
    { seed: 11, numRuns: 400 },
  );
  const thread = new YamlThread(new RealClock());
  let [read, refused] = [0, 0];
  for (const text of texts) {
    const bytes = padded(text);
    const expected = await agrees(thread, bytes);
    if (Object.hasOwn(expected as object, 'message')) refused++;
    else if (documentAtAGlance(bytes.toString()) === undefined) read++;
  }
  await thread.close();
  assert.ok(read > 50 && refused > 50, `${read} read by the thread, ${refused} refused`);
});

test('what is small, plain, JSON or too large takes no thread', async () => {
  const thread = new YamlThread(new RealClock());
  const before = started;
  const plain = Buffer.from(`a: 1\n${'b:\n- c: 1\n'.slice(0, 2)}\n${'  # x\n'.repeat(10_000)}`);
  const json = Buffer.from(JSON.stringify({ a: 'x'.repeat(100_000) }));
  const huge = Buffer.from(`[${'1,'.repeat(limits.yamlCharactersMax)}1]`);
  for (const bytes of [Buffer.from('{a: 1}'), plain, json, huge]) await agrees(thread, bytes);
  assert.equal(started, before);
  await thread.close();
});

test('a document that takes too long is refused, its thread ended, and the next one read by another', async () => {
  const clock = new VirtualClock();
  const thread = new YamlThread(clock);
  const before = started;
  const late = thread.prepare(slow, staying);
  const next = thread.prepare(padded('{a: 1}'), staying);
  await clock.advance(limits.yamlReadMsMax);
  const readYaml = await late;
  const error = await refusal(Promise.try(() => parseObjectBody(slow, 'yaml', pod, readYaml)));
  const why = 'yaml: the document takes longer than 30 seconds to read: send it as JSON';
  assert.equal(error.code, 400);
  assert.match(
    error.message,
    new RegExp(`^the object provided is unrecognized \\(must be of type Pod\\): ${why} \\(5b31`),
  );
  assert.deepEqual((await next)(padded('{a: 1}')).value, { a: 1 });
  assert.equal(started, before + 2);
  await thread.close();
  assert.equal(clock.pending, 0);
});

test('a document that takes too much memory is refused', async () => {
  const thread = new YamlThread(new RealClock(), 24);
  const readYaml = await thread.prepare(slow, staying);
  const error = await refusal(Promise.try(() => parseApplyPatch(slow, readYaml)));
  assert.equal(error.message, 'error decoding YAML: yaml: the document takes too much memory to read: send it as JSON');
  await thread.close();
});

test('so many characters wait; whoever comes then is told to come later, and who goes away makes room', async () => {
  const thread = new YamlThread(new VirtualClock());
  const leave: (() => void)[] = [];
  const waiting = Array.from({ length: 5 }, () => {
    const waits = thread.prepare(slow, { onClose: (callback) => void leave.push(callback) });
    return refusal(waits);
  });
  const error = await refusal(thread.prepare(slow, staying));
  assert.deepEqual([error.code, error.reason, error.details?.retryAfterSeconds], [429, 'TooManyRequests', 5]);
  leave[2]?.();
  leave[2]?.();
  assert.equal((await waiting[2])?.code, 503);
  const instead = refusal(thread.prepare(slow, staying));
  assert.equal((await refusal(thread.prepare(slow, staying))).code, 429);
  await thread.close();
  for (const refused of [...waiting, instead]) assert.equal((await refused).code, 503);
});

test('the thread ends after a minute without work, and not before', async () => {
  const clock = new VirtualClock();
  const thread = new YamlThread(clock);
  const read = async (): Promise<unknown> => (await thread.prepare(padded('{a: 1}'), staying))(padded('')).value;
  const before = started;
  assert.deepEqual(await read(), { a: 1 });
  await clock.advance(59_000);
  assert.deepEqual(await read(), { a: 1 });
  await clock.advance(59_000);
  assert.equal(living.size, 1);
  assert.equal(started, before + 1);
  const [worker] = living;
  const gone = new Promise((resolve) => worker?.once('exit', resolve));
  await clock.advance(1_000);
  await gone;
  assert.equal(clock.pending, 0);
  assert.deepEqual(await read(), { a: 1 });
  assert.equal(started, before + 2);
  await thread.close();
});

test('a server answers others while it reads a large document, and leaves no thread when it closes', async () => {
  const world = await startTestServer();
  const client = await world.http2('admin');
  const finished: string[] = [];
  const body = `{apiVersion: v1, kind: ConfigMap, metadata: {name: large}, data: {${"k: '1', ".repeat(20_000)}}}`;
  const path = '/api/v1/namespaces/default/configmaps';
  const headers = { 'content-type': 'application/yaml' };
  const large = client.request(path, { method: 'POST', headers, body }).then((response) => {
    finished.push('large');
    return response;
  });
  for (let count = 0; count < 5; count++) {
    assert.equal((await client.request('/version')).status, 200);
    finished.push('small');
  }
  assert.equal((await large).status, 201);
  assert.deepEqual(finished, [...Array<string>(5).fill('small'), 'large']);
  assert.deepEqual(world.registry.calls.at(-1)?.body?.['data' as never], { k: '1' });
  assert.equal(living.size, 1);
  await world.stop();
});
