import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthenticationConfiguration,
  decodeAuthenticationConfiguration,
  type JwtAuthenticatorConfig,
} from './configuration.ts';
import { changeErrors, validateAuthenticationConfiguration } from './validation.ts';

const serviceAccounts = 'https://kubernetes.default.svc';

function errorsOf(configuration: AuthenticationConfiguration): string[] {
  const { errors } = validateAuthenticationConfiguration(configuration, [serviceAccounts]);
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

const good: JwtAuthenticatorConfig = {
  issuer: { url: 'https://issuer.example', audiences: ['naru'] },
  claimMappings: { username: { claim: 'sub', prefix: '' } },
};

const one = (more: JwtAuthenticatorConfig): string[] => errorsOf({ jwt: [{ ...good, ...more }] });
const issuer = (more: object): string[] => one({ issuer: { ...good.issuer, ...more } });

test('an empty configuration is good, and so is a plain issuer', () => {
  assert.deepEqual(errorsOf({}), []);
  assert.deepEqual(one({}), []);
});

test('the issuer is checked as upstream checks it', () => {
  const at = 'jwt[0].issuer';
  assert.deepEqual(issuer({ url: '' }), [`${at}.url: Required value`]);
  assert.deepEqual(issuer({ url: 'http://user@issuer.example/?q#f' }), [
    `${at}.url: Invalid value: "http://user@issuer.example/?q#f": URL scheme must be https`,
    `${at}.url: Invalid value: "http://user@issuer.example/?q#f": URL must not contain a username or password`,
    `${at}.url: Invalid value: "http://user@issuer.example/?q#f": URL must not contain a query`,
    `${at}.url: Invalid value: "http://user@issuer.example/?q#f": URL must not contain a fragment`,
  ]);
  assert.deepEqual(issuer({ url: serviceAccounts }), [
    `${at}.url: Invalid value: "${serviceAccounts}": URL must not overlap with disallowed issuers: [${serviceAccounts}]`,
  ]);
  assert.deepEqual(issuer({ discoveryURL: 'https://issuer.example/' }), [
    `${at}.discoveryURL: Invalid value: "https://issuer.example/": discoveryURL must be different from URL`,
  ]);
  assert.deepEqual(issuer({ audiences: [] }), [
    `${at}.audiences: Required value: at least one ${at}.audiences is required`,
  ]);
  assert.deepEqual(issuer({ audiences: ['a', '', 'a'] }), [
    `${at}.audiences[1]: Required value`,
    `${at}.audiences[2]: Duplicate value: "a"`,
    `${at}.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences`,
  ]);
  assert.deepEqual(issuer({ audiences: ['a'], audienceMatchPolicy: 'All' }), [
    `${at}.audienceMatchPolicy: Invalid value: "All": audienceMatchPolicy must be empty or MatchAny for single audience`,
  ]);
  assert.deepEqual(issuer({ certificateAuthority: 'x' }), [
    `${at}.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates`,
  ]);
  assert.deepEqual(issuer({ egressSelectorType: 'moon' }), [
    `${at}.egressSelectorType: Invalid value: "moon": egress selector must be either controlplane or cluster`,
  ]);
  assert.match(issuer({ egressSelectorType: 'cluster' }).join(), /egress lookup for "cluster" is not configured/);
});

test('no issuer and no discovery URL stands twice, and there are not too many', () => {
  const twin = { ...good, issuer: { ...good.issuer, discoveryURL: 'https://other.example' } };
  assert.deepEqual(errorsOf({ jwt: [twin, twin] }), [
    'jwt[1].issuer.url: Duplicate value: "https://issuer.example"',
    'jwt[1].issuer.discoveryURL: Duplicate value: "https://other.example"',
  ]);
  assert.deepEqual(errorsOf({ jwt: Array.from({ length: 65 }, () => good) }), [
    'jwt: Too many: 65: must have at most 64 items',
  ]);
});

test('rules over claims name a claim or an expression', () => {
  const at = 'jwt[0].claimValidationRules';
  assert.deepEqual(
    one({
      claimValidationRules: [
        { claim: 'a', expression: 'true' },
        {},
        { claim: 'a', message: 'm' },
        { claim: 'a' },
        { expression: 'true', requiredValue: 'v' },
        { expression: 'true' },
        { expression: '1' },
        { expression: 'foo' },
      ],
    }),
    [
      `${at}[0]: Invalid value: "a": claim and expression can't both be set`,
      `${at}[1]: Required value: claim or expression is required`,
      `${at}[2].message: Invalid value: "m": may not be specified when claim is set`,
      `${at}[3].claim: Duplicate value: "a"`,
      `${at}[4].requiredValue: Invalid value: "v": may not be specified when expression is set`,
      `${at}[5].expression: Duplicate value: "true"`,
      `${at}[6].expression: Invalid value: "1": must evaluate to bool`,
      `${at}[7].expression: Invalid value: "foo": compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^`,
    ],
  );
});

test('mappings name a claim with a prefix, or an expression', () => {
  const at = 'jwt[0].claimMappings';
  const mapped = (claimMappings: NonNullable<JwtAuthenticatorConfig['claimMappings']>): string[] =>
    one({ claimMappings });
  const username = { claim: 'sub', prefix: '' };
  assert.deepEqual(mapped({}), [`${at}.username: Required value: claim or expression is required`]);
  assert.deepEqual(mapped({ username: { claim: 'sub' }, groups: { claim: 'g', expression: 'x' } }), [
    `${at}.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
    `${at}.groups: Invalid value: "": claim and expression can't both be set`,
  ]);
  assert.deepEqual(
    mapped({ username: { expression: 'claims.sub', prefix: 'p' }, uid: { claim: 'a', expression: 'b' } }),
    [
      `${at}.username.prefix: Invalid value: "p": may not be specified when expression is set`,
      `${at}.uid: Invalid value: "": claim and expression can't both be set`,
    ],
  );
  const extra = (key: string, valueExpression = 'claims.sub') => ({ key, valueExpression });
  assert.deepEqual(
    mapped({
      username,
      extra: [extra('a.io/b'), extra('a.io/b'), extra('c'), extra('x.k8s.io/y'), extra('a.io/B'), extra('e.io/f', '')],
    }),
    [
      `${at}.extra[1].key: Duplicate value: "a.io/b"`,
      `${at}.extra[2].key: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")`,
      `${at}.extra[3].key: Invalid value: "x.k8s.io/y": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use`,
      `${at}.extra[4].key: Invalid value: "a.io/B": must be lowercase`,
      `${at}.extra[5].valueExpression: Required value`,
    ],
  );
});

test('an expression over the email must look at whether it was verified', () => {
  const claimMappings = { username: { expression: 'claims.email' } };
  assert.match(
    one({ claimMappings }).join(),
    /^jwt\[0\]\.claimMappings\.username\.expression: .*claims\.email_verified must be used in/,
  );
  const claimValidationRules = [{ expression: 'claims.?email_verified.orValue(true) == true' }];
  assert.deepEqual(one({ claimMappings, claimValidationRules }), []);
  assert.deepEqual(
    one({ claimMappings: { username: { expression: "claims.email_verified ? claims.?email.orValue('') : ''" } } }),
    [],
  );
});

test('rules over the user have expressions, each once', () => {
  const at = 'jwt[0].userValidationRules';
  assert.deepEqual(
    one({
      userValidationRules: [{}, { expression: 'true' }, { expression: 'true' }, { expression: 'user.nobody == 1' }],
    }).slice(0, 2),
    [`${at}[0].expression: Required value`, `${at}[2].expression: Duplicate value: "true"`],
  );
  assert.match(one({ userValidationRules: [{ expression: 'user.nobody == 1' }] }).join(), /compilation failed/);
});

test('anonymous requests need to be enabled for their conditions, and do not change meanwhile', () => {
  assert.deepEqual(errorsOf({ anonymous: { enabled: false, conditions: [{ path: '/livez' }] } }), [
    'anonymous.conditions: Invalid value: [{"Path":"/livez"}]: enabled should be set to true when conditions are defined',
  ]);
  assert.equal(changeErrors({}, {}).length, 0);
  assert.deepEqual(
    changeErrors({}, { anonymous: { enabled: true } }).map(({ field, message }) => `${field}: ${message}`),
    ['anonymous: Forbidden: changed from initial configuration file'],
  );
});

test('a file is decoded strictly', () => {
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n';
  const refusal = (text: string): string => {
    try {
      return assert.fail(JSON.stringify(decodeAuthenticationConfiguration(text)));
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.deepEqual(decodeAuthenticationConfiguration(`${head}jwt: []\n`), {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [],
  });
  assert.equal(refusal(''), 'empty config data');
  assert.match(refusal('{}'), /'Kind' is missing/);
  assert.match(refusal(head.replace('/v1', '/v7')), /^no kind "AuthenticationConfiguration" is registered for version/);
  assert.match(
    refusal(`${head}jwt:\n- issuer:\n    uri: x\n`),
    /^strict decoding error: unknown field "jwt\[0\]\.issuer\.uri"$/,
  );
  assert.match(
    refusal(`${head}anonymous:\n  enabled: 'yes'\n`),
    /cannot unmarshal string into field anonymous\.enabled of type bool/,
  );
});
