import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { tokenSettings, withTokenSettings } from './token-settings.ts';

const given = (...args: string[]) => withTokenSettings(new Command()).parse(args, { from: 'user' }).opts();

test('what the command line says of tokens is kept until it says otherwise', () => {
  assert.equal(tokenSettings(undefined, given()), undefined);
  const issuer = '--service-account-issuer';
  const first = tokenSettings(undefined, given(issuer, 'https://a.example', issuer, 'old', '--api-audiences', 'api,x'));
  assert.deepEqual(first, { issuers: ['https://a.example', 'old'], audiences: ['api', 'x'] });
  const second = tokenSettings(
    first,
    given('--service-account-jwks-uri', 'https://k.example/jwks', '--api-audiences', ''),
  );
  assert.deepEqual(second, { issuers: ['https://a.example', 'old'], jwksUri: 'https://k.example/jwks' });
  assert.equal(tokenSettings(second, given(issuer, '', '--service-account-jwks-uri', '')), undefined);
});

test('a bound on the life of tokens is a time, as upstream has it', () => {
  const option = '--service-account-max-token-expiration';
  const bounded = tokenSettings(
    undefined,
    given(option, '1h30m', '--service-account-extend-token-expiration', 'false'),
  );
  assert.deepEqual(bounded, { maxExpirationSeconds: 5400, withoutExtension: true });
  assert.deepEqual(
    tokenSettings(bounded, given(option, '', '--service-account-extend-token-expiration', 'true')),
    undefined,
  );
  for (const wrong of ['59m', 'h', '1d', '2000000h']) {
    assert.throws(() => tokenSettings(undefined, given(option, wrong)), /must be a time such as 24h/);
  }
});

test('what cannot work is refused with the option’s name', () => {
  assert.throws(
    () => tokenSettings(undefined, given('--service-account-issuer', '://x')),
    /--service-account-issuer :\/\/x contains a ':' but is not a valid URL/,
  );
  assert.throws(
    () => tokenSettings(undefined, given('--service-account-jwks-uri', 'http://k')),
    /must be a URL that begins/,
  );
});
