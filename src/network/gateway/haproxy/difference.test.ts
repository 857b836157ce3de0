import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Server } from '../plan.ts';
import { difference } from './difference.ts';
import { render } from './render.ts';
import type { Rendering } from './rendering.ts';
import { make } from './testing.ts';

const none = new Set<string>();
const rendered = (servers: readonly Server[], ...hosts: string[]): Rendering =>
  render(
    make.plan(
      [
        make.entry(
          80,
          hosts.map((host) => make.host(host, make.route('/', 'a'))),
        ),
      ],
      [make.backend('a', servers)],
    ),
    make.settings(),
  );
const section = (rendering: Rendering): string => [...rendering.servers.keys()][0] as string;

test('equal plans need nothing', () => {
  assert.deepEqual(difference(rendered([make.server(1)], 'a.test'), rendered([make.server(1)], 'a.test'), none), {
    kind: 'none',
  });
});

test('servers that come, drain and go are commands, new ones first', () => {
  const before = rendered([make.server(1), make.server(2)], 'a.test');
  const after = rendered([make.server(2, { isDraining: true }), make.server(3)], 'a.test');
  const name = section(before);
  const change = difference(before, after, none);
  assert.ok(change.kind === 'commands');
  const id = after.servers.get(name)?.get('s_127.0.0.1_3')?.id;
  assert.deepEqual(change.commands, [
    `add server ${name}/s_127.0.0.1_3 127.0.0.1:3 id ${id}`,
    `set server ${name}/s_127.0.0.1_3 state ready`,
    `set server ${name}/s_127.0.0.1_2 state maint`,
    `set server ${name}/s_127.0.0.1_1 state maint`,
  ]);
  assert.deepEqual(change.left, [`${name}/s_127.0.0.1_1`]);
  const back = difference(after, before, new Set(change.left));
  assert.ok(
    back.kind === 'commands' && !back.commands.some((command) => command.startsWith('add')),
    'it is still there',
  );
});

test('one endpoint of ten thousand is two commands', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => make.server(index + 1));
  const change = difference(rendered(many.slice(1), 'a.test'), rendered(many, 'a.test'), none);
  assert.ok(change.kind === 'commands');
  assert.equal(change.commands.length, 2);
});

test('a host for sections that are there is an entry of a map', () => {
  const change = difference(rendered([], 'a.test'), rendered([], 'a.test', 'b.test'), none);
  assert.ok(change.kind === 'commands');
  assert.deepEqual(
    change.commands.map((command) => command.split(' ').slice(0, 4).join(' ')),
    ['add map http-127.0.0.1-80-hosts.map b.test', 'add map http-127.0.0.1-80-prefix.map b.test/'],
  );
});

test('another section is a reload', () => {
  const other = render(
    make.plan([make.entry(80, [make.host('*', make.route('/', 'b'))])], [make.backend('b', [])]),
    make.settings(),
  );
  assert.deepEqual(difference(rendered([], '*'), other, none), { kind: 'reload', why: 'sections' });
});
