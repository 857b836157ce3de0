import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededPrng } from '../../lib/prng.ts';
import { ownershipText } from './ownership.ts';
import { type Plan, planZone, type WantedName } from './plan.ts';
import { targetSets, type ZoneRecords } from './records.ts';
import { applied, fullName, linesOf, zoneOf } from './testing.ts';

const settings = { zone: 'example.com', owner: 'me', policy: 'sync', txtPrefix: '' } as const;
const mine = (resource = 'service/default/web', owner = 'me'): string => ownershipText({ owner, resource });

const want = (name: string, targets: readonly string[], resource = 'service/default/web', ttl = 300): WantedName => ({
  name: fullName(name),
  resource,
  sets: targetSets(fullName(name), ttl, targets),
});

const carriedOut = (zone: ZoneRecords, { changes }: Plan): ZoneRecords => changes.reduce(applied, zone);

/** As the loop does: what a server turns away is planned anew. TXT records of one name may stand in the way of another. */
function carriedOutAsFarAsItGoes(
  from: ZoneRecords,
  all: Parameters<typeof planZone>[0],
  wanted: readonly WantedName[],
): ZoneRecords {
  let zone = from;
  for (let round = 0; round < 3; round++) {
    for (const change of planZone(all, zone, wanted).changes) {
      try {
        zone = applied(zone, change);
      } catch (error) {
        assert.match((error as Error).message, /^prerequisite/);
      }
    }
  }
  return zone;
}

const rows: readonly {
  readonly what: string;
  readonly zone: readonly string[];
  readonly wanted: readonly WantedName[];
  readonly settings?: { readonly policy?: 'sync' | 'upsert-only'; readonly txtPrefix?: string };
  readonly verbs?: string;
  /** The zone as it was, where absent. */
  readonly after?: readonly string[];
  readonly refusal?: RegExp;
}[] = [
  {
    what: 'a new name has its addresses, and a TXT record for each type that says whose it is',
    zone: [],
    wanted: [want('web', ['192.0.2.1', '2001:DB8::1', '192.0.2.2'])],
    verbs: 'create',
    after: [
      `a-web TXT ${mine()}`,
      `aaaa-web TXT ${mine()}`,
      'web A 192.0.2.1',
      'web A 192.0.2.2',
      'web AAAA 2001:db8::1',
    ],
  },
  {
    what: 'what is there already is left alone',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.1'])],
  },
  {
    what: 'another address, and another time to live',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.9'], 'service/default/web', 60)],
    verbs: 'update',
    after: [`a-web 60 TXT ${mine()}`, 'web 60 A 192.0.2.9'],
  },
  {
    what: 'a name goes over to another object',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.1'], 'ingress/default/app')],
    verbs: 'update',
    after: [`a-web TXT ${mine('ingress/default/app')}`, 'web A 192.0.2.1'],
  },
  {
    what: 'addresses become a CNAME',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`],
    wanted: [want('web', ['lb.example.net.'])],
    verbs: 'update',
    after: [`cname-web TXT ${mine()}`, 'web CNAME lb.example.net'],
  },
  {
    what: 'a CNAME becomes addresses, also where names only come',
    zone: ['web CNAME lb.example.net', `cname-web TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.1'])],
    settings: { policy: 'upsert-only' },
    verbs: 'update',
    after: [`a-web TXT ${mine()}`, 'web A 192.0.2.1'],
  },
  {
    what: 'a name that nobody wants goes',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`, 'old AAAA 2001:db8::1', `aaaa-old TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.1'])],
    verbs: 'delete',
    after: [`a-web TXT ${mine()}`, 'web A 192.0.2.1'],
  },
  {
    what: 'a name that nobody wants stays where names only come',
    zone: ['old A 192.0.2.1', `a-old TXT ${mine()}`],
    wanted: [],
    settings: { policy: 'upsert-only' },
  },
  {
    what: 'a name whose targets are not known now keeps what it has',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine()}`],
    wanted: [want('web', [])],
  },
  {
    what: 'records that somebody took away come back',
    zone: [`a-web TXT ${mine()}`],
    wanted: [want('web', ['192.0.2.1'])],
    verbs: 'update',
    after: [`a-web TXT ${mine()}`, 'web A 192.0.2.1'],
  },
  {
    what: 'a TXT record without its records goes with the name',
    zone: [`a-web TXT ${mine()}`],
    wanted: [],
    verbs: 'delete',
    after: [],
  },
  {
    what: 'a foreign name stays, wanted or not, also with the same address',
    zone: ['web A 192.0.2.1', 'other A 192.0.2.2'],
    wanted: [want('web', ['192.0.2.1'])],
    refusal: /^it has a A record that is not of owner me$/,
  },
  {
    what: 'a name of another owner stays',
    zone: ['web A 192.0.2.1', `a-web TXT ${mine('ingress/x/y', 'them')}`],
    wanted: [want('web', ['192.0.2.9'])],
    refusal: /^it belongs to owner them, for ingress\/x\/y$/,
  },
  {
    what: 'addresses beside a foreign CNAME',
    zone: ['web CNAME x.example.net'],
    wanted: [want('web', ['192.0.2.1'])],
    refusal: /CNAME record that is not of owner me/,
  },
  {
    what: 'a CNAME beside foreign records of any type',
    zone: ['mail SRV 0 0 80 x.example.net'],
    wanted: [want('mail', ['lb.example.net'])],
    refusal: /^it has a SRV record/,
  },
  {
    what: 'an address beside foreign records of other types',
    zone: ['web TXT v=spf1', 'web AAAA 2001:db8::9'],
    wanted: [want('web', ['192.0.2.1'])],
    verbs: 'create',
    after: [`a-web TXT ${mine()}`, 'web A 192.0.2.1', 'web AAAA 2001:db8::9', 'web TXT v=spf1'],
  },
  {
    what: 'a TXT record in the way',
    zone: ['a-web TXT something else'],
    wanted: [want('web', ['192.0.2.1'])],
    refusal: /^a-web\.example\.com has a TXT record that says something else$/,
  },
  {
    what: 'a name below a delegation',
    zone: ['@ NS ns.example.com', 'sub NS ns.example.net'],
    wanted: [want('web.sub', ['192.0.2.1'])],
    refusal: /^sub\.example\.com is delegated/,
  },
  {
    what: 'the zone itself: its TXT record would be outside',
    zone: [],
    wanted: [want('@', ['192.0.2.1'])],
    refusal: /set txtPrefix/,
  },
  {
    what: 'the zone itself, with a prefix that keeps the TXT record inside',
    zone: ['@ NS ns.example.com'],
    wanted: [want('@', ['192.0.2.1'])],
    settings: { txtPrefix: '%{record_type}-owner.' },
    verbs: 'create',
    after: ['@ A 192.0.2.1', '@ NS ns.example.com', `a-owner TXT ${mine()}`],
  },
  {
    what: 'a CNAME of the zone itself',
    zone: [],
    wanted: [want('@', ['lb.example.net'])],
    settings: { txtPrefix: '%{record_type}-owner.' },
    refusal: /can have no CNAME/,
  },
  {
    what: 'a wildcard',
    zone: [],
    wanted: [want('*.apps', ['192.0.2.1'])],
    verbs: 'create',
    after: ['*.apps A 192.0.2.1', `a-*.apps TXT ${mine()}`],
  },
  {
    what: 'a label that leaves no room for the TXT record',
    zone: [],
    wanted: [want('w'.repeat(63), ['192.0.2.1'])],
    refusal: /too long/,
  },
];

for (const { what, zone, wanted, settings: more = {}, verbs = '', after = [...zone].sort(), refusal } of rows) {
  test(what, () => {
    const all = { ...settings, ...more };
    const before = zoneOf(...zone);
    const plan = planZone(all, before, wanted);
    assert.equal(plan.changes.map(({ verb }) => verb).join(' '), verbs);
    const now = carriedOut(before, plan);
    assert.deepEqual(linesOf(now), after);
    assert.deepEqual(planZone(all, now, wanted).changes, [], 'one plan does it');
    const [refused] = plan.refusals;
    if (refusal === undefined) assert.equal(refused, undefined);
    else assert.match(refused?.message ?? '', refusal);
  });
}

test('a change that somebody else was faster with is turned away by the server', () => {
  const plan = planZone(settings, zoneOf(), [want('web', ['192.0.2.1'])]);
  for (const line of ['web A 192.0.2.7', 'web CNAME x.example.net', `a-web TXT ${mine('ingress/x/y', 'them')}`])
    assert.throws(() => carriedOut(zoneOf(line), plan), /prerequisite/, line);
  const there = ['web A 192.0.2.1', `a-web TXT ${mine()}`];
  for (const wanted of [[], [want('web', ['192.0.2.2'])]]) {
    const next = planZone(settings, zoneOf(...there), wanted);
    assert.throws(() => carriedOut(zoneOf('web A 192.0.2.1', `a-web TXT ${mine('x', 'them')}`), next), /prerequisite/);
  }
});

test('by chance: two owners and people write into one zone, and none loses anything to another', () => {
  const prng = new SeededPrng(7);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(prng.next() * choices.length)] as T;
  const names = ['a', 'b', 'a-b', 'aaaa-b', 'c.a', '*.a'];
  const kinds = [['192.0.2.1'], ['2001:db8::1'], ['192.0.2.1', '2001:db8::2'], ['lb.example.net'], [], ['192.0.2.3']];
  let changes = 0;
  for (let world = 0; world < 200; world++) {
    const foreign = names
      .filter(() => prng.next() < 0.3)
      .map((name) => `${name} ${pick('A 203.0.113.1', 'CNAME x.example.net', 'TXT hello')}`);
    let zone = zoneOf(...foreign);
    for (let step = 0; step < 8; step++) {
      const owner = pick('me', 'them');
      const all = { ...settings, owner };
      const wanted = names
        .filter(() => prng.next() < 0.5)
        .map((name) => want(name, pick(...kinds), `service/${owner}/${pick('x', 'y')}`));
      const others = linesOf(zone).filter((line) => line.includes(`owner=${owner === 'me' ? 'them' : 'me'},`));
      const plan = planZone(all, zone, wanted);
      changes += plan.changes.length;
      zone = carriedOutAsFarAsItGoes(zone, all, wanted);
      const lines = linesOf(zone);
      for (const line of [...foreign, ...others]) assert.ok(lines.includes(line), `${line} is gone`);
      assert.deepEqual(planZone(all, zone, wanted).changes, []);
    }
    for (const owner of ['me', 'them']) zone = carriedOut(zone, planZone({ ...settings, owner }, zone, []));
    assert.deepEqual(linesOf(zone), [...foreign].sort(), 'without wishes only what people wrote is left');
  }
  assert.ok(changes > 1000, `${changes} changes`);
});
