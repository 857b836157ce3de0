/** ConfigMaps, Secrets, ServiceAccounts. */
import { testCases } from './testing.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const configMap = { metadata: { name: 'settings' }, data: { key: 'value' } };
const secret = { metadata: { name: 'secret' }, data: { key: base64('value') } };
const frozen = 'Forbidden: field is immutable when `immutable` is set';
const badKey = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'…";
const mega = 'x'.repeat(1024 * 1024);

testCases([
  {
    resource: 'configmaps',
    valid: configMap,
    cases: [
      { name: 'accepts no data', changes: { data: undefined } },
      { name: 'accepts keys with dots and dashes', changes: { data: { '.hidden': '', 'a-b_c.D': '' } } },
      { name: 'accepts binary data', changes: { binaryData: { other: base64('x') } } },
      {
        name: 'accepts a key that every object seems to have',
        changes: { data: { constructor: 'x' }, binaryData: { a: '' } },
      },
      { name: 'accepts exactly a megabyte', changes: { data: { key: mega } } },
      {
        name: 'refuses a megabyte and a byte',
        changes: { data: { key: mega, a: 'b' } },
        errors: ['[]: Too long: may not be more than 1048576 bytes'],
      },
      {
        name: 'counts binary data by what it stands for',
        changes: { binaryData: { a: base64(mega) }, data: { b: 'x' } },
        errors: ['[]: Too long: may not be more than 1048576 bytes'],
      },
      {
        name: 'refuses a key with a slash',
        changes: { data: { 'a/b': 'x' } },
        errors: [`data[a/b]: Invalid value: "a/b": ${badKey}`],
      },
      {
        name: 'refuses the folder above as a key',
        changes: { data: { '..': 'x' } },
        errors: [`data[..]: Invalid value: "..": must not be '..'`],
      },
      {
        name: 'refuses a key that begins with it',
        changes: { binaryData: { '..a': base64('x') } },
        errors: [`binaryData[..a]: Invalid value: "..a": must not start with '..'`],
      },
      {
        name: 'refuses a key that is too long',
        changes: { data: { ['a'.repeat(254)]: 'x' } },
        errors: [`data[${'a'.repeat(254)}]: Invalid value: "${'a'.repeat(254)}": must be no more than 253 characters`],
      },
      {
        name: 'refuses a key in both',
        changes: { binaryData: { key: base64('x') } },
        errors: ['data[key]: Invalid value: "key": duplicate of key present in binaryData'],
      },
      {
        name: 'refuses a change of the data of an immutable one',
        changes: { immutable: true },
        update: { 'data.key': 'other' },
        errors: [`data: ${frozen}`],
      },
      {
        name: 'refuses binary data for an immutable one',
        changes: { immutable: true },
        update: { binaryData: { b: base64('x') } },
        errors: [`binaryData: ${frozen}`],
      },
      {
        name: 'refuses that it becomes changeable again',
        changes: { immutable: true },
        update: { immutable: false },
        errors: [`immutable: ${frozen}`],
      },
      {
        name: 'tells what changed before what is wrong',
        changes: { immutable: true },
        update: { 'data.key': 'other', data: { '..': 'x' } },
        errors: [`data: ${frozen}`, `data[..]: Invalid value: "..": must not be '..'`],
      },
      {
        name: 'accepts labels for an immutable one',
        changes: { immutable: true },
        update: { 'metadata.labels': { a: 'b' } },
      },
      { name: 'accepts that it becomes immutable', update: { immutable: true } },
    ],
  },
  {
    resource: 'secrets',
    valid: secret,
    cases: [
      { name: 'accepts a type of its own', changes: { type: 'example.com/mine' } },
      {
        name: 'refuses a bad key',
        changes: { data: { 'a b': base64('x') } },
        errors: [`data[a b]: Invalid value: "a b": ${badKey}`],
      },
      {
        name: 'refuses too much data',
        changes: { data: { a: base64(`${mega}x`) } },
        errors: ['data: Too long: may not be more than 1048576 bytes'],
      },
      {
        name: 'refuses a token without the name of its account',
        changes: { type: 'kubernetes.io/service-account-token' },
        errors: ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
      },
      {
        name: 'accepts a token with it',
        changes: {
          type: 'kubernetes.io/service-account-token',
          'metadata.annotations': { 'kubernetes.io/service-account.name': 'x' },
        },
      },
      {
        name: 'refuses a docker configuration that is not there',
        changes: { type: 'kubernetes.io/dockercfg' },
        errors: ['data[.dockercfg]: Required value'],
      },
      {
        name: 'refuses one that is no JSON',
        changes: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('no') } },
        errors: ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": …'],
      },
      {
        name: 'refuses one that is no object',
        changes: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('"x"') } },
        errors: [
          'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal string into Go value of type map[string]interface {}',
        ],
      },
      {
        name: 'refuses one that is cut off',
        changes: { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64('{"a":') } },
        errors: ['data[.dockercfg]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
      },
      {
        name: 'accepts a docker configuration',
        changes: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{"auths":{}}') } },
      },
      {
        name: 'refuses credentials without both parts',
        changes: { type: 'kubernetes.io/basic-auth' },
        errors: ['data[username]: Required value', 'data[password]: Required value'],
      },
      {
        name: 'accepts credentials with one part',
        changes: { type: 'kubernetes.io/basic-auth', data: { password: base64('x') } },
      },
      {
        name: 'refuses an SSH key that is empty',
        changes: { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } },
        errors: ['data[ssh-privatekey]: Required value'],
      },
      {
        name: 'refuses TLS without certificate and key',
        changes: { type: 'kubernetes.io/tls' },
        errors: ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
      },
      {
        name: 'accepts TLS whose parts are empty',
        changes: { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } },
      },
      {
        name: 'refuses another type',
        update: { type: 'kubernetes.io/tls' },
        errors: [
          'type: Invalid value: "kubernetes.io/tls": field is immutable',
          'data[tls.crt]: Required value',
          'data[tls.key]: Required value',
        ],
      },
      {
        name: 'refuses other data for an immutable one',
        changes: { immutable: true },
        update: { 'data.key': base64('other') },
        errors: [`data: ${frozen}`],
      },
      {
        name: 'refuses text for an immutable one',
        changes: { immutable: true },
        update: { stringData: { more: 'x' } },
        errors: [`data: ${frozen}`],
      },
    ],
  },
  {
    resource: 'serviceaccounts',
    valid: { metadata: { name: 'builder' } },
    cases: [
      {
        name: 'accepts references to secrets',
        changes: { secrets: [{ name: 'a' }], imagePullSecrets: [{ name: 'b' }] },
      },
      {
        name: 'refuses a name with capitals',
        changes: { 'metadata.name': 'Builder' },
        errors: ['metadata.name: Invalid value: "Builder": a lowercase RFC 1123 subdomain…'],
      },
    ],
  },
]);
