import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claims, userOfClaims } from './claims.ts';
import type { JwtAuthenticatorConfig } from './configuration.ts';
import { validateAuthenticationConfiguration } from './validation.ts';

function ask(claims: Claims, config: JwtAuthenticatorConfig) {
  const issuer = { url: 'https://issuer.example', audiences: ['naru'] };
  const { errors, jwt } = validateAuthenticationConfiguration({ jwt: [{ issuer, ...config }] }, []);
  assert.deepEqual(errors, []);
  const [rules] = jwt;
  assert.ok(rules);
  return userOfClaims(claims, rules);
}

function failure(claims: Claims, config: JwtAuthenticatorConfig): string {
  try {
    return assert.fail(JSON.stringify(ask(claims, config)));
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return (error as Error).message;
  }
}

const bySub: JwtAuthenticatorConfig = { claimMappings: { username: { claim: 'sub', prefix: 'oidc:' } } };

test('claims become a user, with prefixes, a uid and extra fields', () => {
  const claims = {
    sub: 'ann',
    groups: ['dev', 'ops'],
    oid: 'u-1',
    team: 'blue',
    jti: 'j1',
    empty: '',
    parts: ['', 'x'],
  };
  const config: JwtAuthenticatorConfig = {
    claimMappings: {
      username: { claim: 'sub', prefix: 'oidc:' },
      groups: { claim: 'groups', prefix: 'g:' },
      uid: { claim: 'oid' },
      extra: [
        { key: 'example.com/team', valueExpression: 'claims.team' },
        { key: 'example.com/none', valueExpression: 'claims.empty' },
        { key: 'example.com/parts', valueExpression: 'claims.parts' },
        { key: 'example.com/null', valueExpression: 'null' },
      ],
    },
  };
  assert.deepEqual(ask(claims, config), {
    name: 'oidc:ann',
    groups: ['g:dev', 'g:ops'],
    uid: 'u-1',
    extra: {
      'authentication.kubernetes.io/credential-id': ['JTI=j1'],
      'example.com/team': ['blue'],
      'example.com/parts': ['x'],
    },
  });
});

test('expressions make names and groups of anything', () => {
  const config: JwtAuthenticatorConfig = {
    claimMappings: {
      username: { expression: "claims.given.lowerAscii() + ':' + claims.sub" },
      groups: { expression: "claims.roles.split(',').map(role, 'role:' + role)" },
      uid: { expression: 'claims.realm.id' },
    },
  };
  assert.deepEqual(ask({ sub: '7', given: 'Ann', roles: 'a,b', realm: { id: 'r1' } }, config), {
    name: 'ann:7',
    groups: ['role:a', 'role:b'],
    uid: 'r1',
  });
});

test('one group may stand without a list, and no groups are no error', () => {
  const config: JwtAuthenticatorConfig = {
    claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { claim: 'role', prefix: '' } },
  };
  assert.deepEqual(ask({ sub: 'ann', role: 'dev' }, config).groups, ['dev']);
  assert.deepEqual(ask({ sub: 'ann' }, config).groups, []);
  assert.match(failure({ sub: 'ann', role: [1] }, config), /^oidc: parse groups claim "role": json: cannot unmarshal/);
});

test('an email that the issuer did not verify names nobody', () => {
  const config: JwtAuthenticatorConfig = { claimMappings: { username: { claim: 'email', prefix: '' } } };
  assert.equal(ask({ email: 'a@b.c' }, config).name, 'a@b.c');
  assert.equal(ask({ email: 'a@b.c', email_verified: true }, config).name, 'a@b.c');
  assert.equal(failure({ email: 'a@b.c', email_verified: false }, config), 'oidc: email not verified');
  assert.match(failure({ email: 'a@b.c', email_verified: 'true' }, config), /^oidc: parse 'email_verified' claim/);
});

test('what is missing or of another type is told in the words of upstream', () => {
  assert.equal(failure({}, bySub), 'oidc: parse username claims "sub": claim not present');
  assert.match(failure({ sub: 7 }, bySub), /^oidc: parse username claims "sub": json: cannot unmarshal number/);
  const byExpression = (expression: string): JwtAuthenticatorConfig => ({
    claimMappings: { username: { expression } },
  });
  assert.equal(
    failure({}, byExpression('claims.sub')),
    "oidc: error evaluating username claim expression: expression 'claims.sub' resulted in error: no such key: sub",
  );
  assert.match(failure({ sub: 1 }, byExpression('claims.sub')), /username claim expression must return a string$/);
  assert.equal(
    failure({ sub: '' }, byExpression('claims.sub')),
    'oidc: empty username via CEL expression is not allowed',
  );
  // A name that JavaScript knows is no claim.
  assert.match(
    failure({}, { claimMappings: { username: { claim: 'constructor', prefix: '' } } }),
    /claim not present$/,
  );
  assert.match(failure({}, byExpression('claims.__proto__.x')), /no such key: __proto__/);
});

test('required claims must be there, with their value', () => {
  const config: JwtAuthenticatorConfig = {
    ...bySub,
    claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }],
  };
  assert.equal(ask({ sub: 'ann', hd: 'example.com' }, config).name, 'oidc:ann');
  assert.equal(failure({ sub: 'ann' }, config), 'oidc: required claim hd not present in ID token');
  assert.equal(
    failure({ sub: 'ann', hd: 'other' }, config),
    'oidc: required claim hd value does not match. Got = other, want = example.com',
  );
});

test('rules over claims and over the user refuse with their message', () => {
  const config: JwtAuthenticatorConfig = {
    ...bySub,
    claimValidationRules: [{ expression: 'claims.exp - claims.nbf <= 86400', message: 'a day at most' }],
    userValidationRules: [
      { expression: "!user.username.startsWith('oidc:system:')", message: 'reserved' },
      { expression: "user.groups.all(group, !group.startsWith('system:'))", message: 'reserved, too' },
    ],
  };
  assert.equal(ask({ sub: 'ann', exp: 2, nbf: 1 }, config).name, 'oidc:ann');
  assert.equal(
    failure({ sub: 'ann', exp: 90_000, nbf: 1 }, config),
    "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 86400' failed: a day at most",
  );
  assert.match(
    failure({ sub: 'system:x', exp: 2, nbf: 1 }, config),
    /^oidc: error evaluating user info validation rule: .* failed: reserved$/,
  );
});
