import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render } from './render.ts';
import { configText } from './rendering.ts';
import { make } from './testing.ts';

const textWith = (address: string): string => {
  const plan = make.plan(
    [make.entry(80, [make.host('a.example', make.route('/', 'web'))])],
    [make.backend('web', [make.server(80, { address })])],
  );
  return configText(render(plan, make.settings()), 1);
};

test('a machine without a resolv.conf is no hindrance, but for servers that are asked for by name', () => {
  assert.doesNotMatch(textWith('10.42.0.5'), /resolv/);
  assert.match(textWith('far.example'), /^resolvers machine\n {2}parse-resolv-conf$/m);
  assert.match(textWith('far.example'), /server n_far\.example_80 far\.example:80 resolvers machine init-addr none/);
});
