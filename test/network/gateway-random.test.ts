/**
 * Objects by chance through the whole way to the real HAProxy: whatever they hold, it takes the configuration; and what it does with requests is what the
 * plainest reading of the plan says (`evaluate`). A failure names its seed. More of both: `NARU_TEST_PLANS`, `NARU_TEST_SEEDS`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { SeededPrng } from '../../src/lib/prng.ts';
import { render } from '../../src/network/gateway/haproxy/render.ts';
import { allFiles, configName, type Rendering } from '../../src/network/gateway/haproxy/rendering.ts';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import { found, makeService, ownClass, sourcesOf, type World } from '../../src/network/gateway/ingress/testing.ts';
import { translateIngresses } from '../../src/network/gateway/ingress/translate.ts';
import { merge } from '../../src/network/gateway/merge.ts';
import type { Plan } from '../../src/network/gateway/plan.ts';
import { GatewayWorld } from '../../src/network/gateway/routes/testing.ts';
import { evaluate, type PlanOutcome, type PlanRequest } from '../../src/network/gateway/testing.ts';
import { type Answer, ask, freePort, HaproxyLab, selfSigned } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';
import { paths, RandomObjects, serviceNames } from './random-objects.ts';

const plansCount = Number(process.env['NARU_TEST_PLANS'] ?? 100);
const seedsCount = Number(process.env['NARU_TEST_SEEDS'] ?? 5);
const serving = selfSigned('good.example');
const crypted = '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/';

interface Where {
  /** Of real servers, by name; else somewhere. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly isWild: boolean;
}

function planOf(seed: number, { ports, isWild }: Where): Plan {
  const chance = new RandomObjects(new SeededPrng(seed), isWild);
  const server = (name: string) => ({ address: '127.0.0.1', port: ports?.[name] ?? 8000, isDraining: false });
  const world: World = {
    services: serviceNames.map((name) => makeService(name)),
    servers: Object.fromEntries(serviceNames.map((name) => [name, [server(name)]])),
    certificates: {
      good: found(['a.example', '*.a.example'], { pem: serving.pem }),
      bad: { kind: 'bad', why: 'broken' },
    },
    authorities: { ca: { kind: 'found', value: serving.certificate } },
    users: { users: { kind: 'found', value: [`ann:${crypted}`, 'bob:$apr1$salt$hash', 'eve:{SHA}x'] } },
  };
  const sources = { ...sourcesOf(world), defaultCertificate: make.certificate('*', serving.pem) };
  const contributions = [];
  if (chance.chance(0.8)) {
    contributions.push(translateIngresses({ ingresses: chance.ingresses(), classes: [ownClass] }, sources));
  }
  if (chance.chance(0.6) || contributions.length === 0) {
    const { plan } = new GatewayWorld(chance.gatewayObjects(), {
      services: serviceNames.map((name) => `${name}:80`),
      ...(ports && { serverPorts: ports }),
      certificates: { good: ['a.example', '*.a.example'] },
      badSecrets: ['bad'],
      authorities: ['authority'],
      pems: { good: serving.pem, authority: serving.certificate },
    });
    contributions.push(plan);
  }
  return merge(contributions).plan;
}

/** So many at a time. */
async function inTurns<T>(all: readonly T[], together: number, work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const worker = async (): Promise<void> => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: together }, worker));
}

const execute = promisify(execFile);

/** HAProxy's complaints about a rendering. */
async function problemOf(rendering: Rendering): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-check-'));
  try {
    mkdirSync(path.join(folder, '1'));
    for (const [name, text] of allFiles(rendering, 1)) writeFileSync(path.join(folder, '1', name), text);
    await execute('haproxy', ['-c', '-q', '-f', path.join(folder, '1', configName)]);
    return '';
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('Objects by chance', needsNetwork, () => {
  test('never make a configuration that HAProxy refuses', async () => {
    const seeds = Array.from({ length: plansCount }, (_, index) => index + 1);
    await inTurns(seeds, 2, async (seed) => {
      const rendering = render(planOf(seed, { isWild: true }), make.settings());
      const alerts = (await problemOf(rendering)).split('\n').filter((line) => line.includes('ALERT'));
      assert.deepEqual(alerts, [], `seed ${seed}`);
      assert.doesNotMatch(rendering.config, /^\s*(?:backend evil|X-Evil)/m, `seed ${seed}`);
    });
  });
});

/** Requests that have something to meet, and some that have not. */
function requestOf(chance: RandomObjects): PlanRequest & { readonly path: string } {
  const host = chance.one([
    'a.example',
    'b.example',
    'x.a.example',
    'y.x.a.example',
    'www.a.example',
    'new.example',
    'A.Example:8080',
  ]);
  const more = chance.one(['', '', '/', '/b', '/1', 'x', '//b']);
  const query = chance.one(['', '', '?q=yes', '?q=no&r=1', '?r=yes%20no']);
  const headers = Object.fromEntries(
    chance.some(2, () => [
      chance.one(['x-one', 'x-two', 'cookie']),
      chance.one(['yes', 'no', '1', 'always', 'new=always', 'new=never']),
    ]),
  );
  const method = chance.one(['GET', 'GET', 'GET', 'POST', 'PUT']);
  return { host, method, headers, path: chance.one(paths) + more + query, client: '127.0.0.1' };
}

/** What came of a request, in the model's words. */
function factsOf(answer: Answer, outcome: PlanOutcome): unknown {
  if (outcome.kind === 'forward' && answer.asked) {
    const { server, url, headers } = answer.asked;
    const own = Object.keys(outcome.headers).filter((name) => name.startsWith('x-'));
    return [server, url, headers['host'], own.map((name) => headers[name])];
  }
  return [answer.status, answer.headers.location];
}

/** All that may come of it: one of several, where weights say so. What is not rewritten comes as it was sent. */
function possible(outcome: PlanOutcome, { host: sent = '' }: PlanRequest): unknown[] {
  switch (outcome.kind) {
    case 'refused':
      return [];
    case 'respond':
      return [[outcome.status, undefined]];
    case 'redirect':
      return [[outcome.status, outcome.location]];
    case 'forward': {
      const own = Object.entries(outcome.headers).filter(([name]) => name.startsWith('x-'));
      return Object.keys(outcome.shares).map((share) => {
        const [, server] = /(v\d):/.exec(share) ?? [];
        if (server === undefined) return [Number(share), undefined];
        const host = sent.toLowerCase().replace(/:\d+$/, '') === outcome.host ? sent : outcome.host;
        return [server, outcome.path, host, own.map(([, value]) => value.replaceAll(',', ', '))];
      });
    }
  }
}

describe('Requests by chance', needsNetwork, () => {
  const lab = new HaproxyLab();
  const ports: Record<string, number> = {};
  const places = new Map<number, number>();
  before(async () => {
    for (const name of serviceNames) ports[name] = (await lab.server(name)).port;
    for (const port of [80, 443, 8443, 9000]) places.set(port, await freePort());
  });
  after(() => lab.close());

  for (let seed = 1; seed <= seedsCount; seed++) {
    test(`do as the model of the plan of seed ${seed} says`, async () => {
      const plan = planOf(seed, { ports, isWild: false });
      // The same on ports that are free here.
      const entries = plan.entries.map((entry) => ({ ...entry, port: places.get(entry.port) ?? entry.port }));
      await lab.apply({ ...plan, entries });
      const chance = new RandomObjects(new SeededPrng(1000 + seed));
      const open = entries.filter(({ protocol }) => protocol === 'http');
      const requests = open.flatMap(({ port }) => Array.from({ length: 80 }, () => ({ ...requestOf(chance), port })));
      await inTurns(requests, 8, async (request) => {
        const { port, path, method = 'GET', host = '' } = request;
        const answer = await ask(port, { path, method, headers: { ...request.headers, host } });
        const outcome = evaluate({ entries, backends: plan.backends }, request);
        const [facts, all] = [factsOf(answer, outcome), possible(outcome, request)];
        const isOneOf = all.some((each) => isSame(each, facts));
        assert.ok(
          isOneOf,
          `${JSON.stringify(request)} came to ${JSON.stringify(facts)}, not to ${JSON.stringify(all)}`,
        );
      });
    });
  }
});

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
