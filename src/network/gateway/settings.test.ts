import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acmeSection } from './acme/settings.ts';
import { ingressSection } from './settings.ts';

test('settings of the gateway and of ACME: absent is the default, a fault names its field', () => {
  assert.deepEqual(ingressSection.parse({}), ingressSection.defaults);
  assert.equal(ingressSection.parse({ httpPort: 8080 }).httpPort, 8080);
  assert.deepEqual(acmeSection.parse(null), acmeSection.defaults);
  assert.equal(acmeSection.parse({ termsAgreed: true, email: 'a@b.example' }).email, 'a@b.example');
  const faults: readonly (readonly [parse: () => unknown, fault: RegExp])[] = [
    [() => ingressSection.parse({ httpPort: 0 }), /^httpPort takes /],
    [() => ingressSection.parse({ httpPort: 443 }), /^httpPort and httpsPort must differ$/],
    [() => ingressSection.parse({ acceptProxyFrom: ['10.0.0.0/33'] }), /^acceptProxyFrom\[0\] takes a range/],
    [() => ingressSection.parse({ defaultCertificate: 'tls' }), /^defaultCertificate takes namespace\/name/],
    [() => ingressSection.parse({ accesslog: 'json' }), /^there is no field accesslog/],
    [() => acmeSection.parse({ directory: 'http://x.example' }), /^directory takes an https URL/],
    [() => acmeSection.parse({ email: 'a b' }), /^email takes /],
    [() => acmeSection.parse({ caBundle: 'words' }), /^caBundle takes certificates/],
    [
      () => acmeSection.parse({ caBundle: '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n' }),
      /^caBundle takes /,
    ],
    [() => acmeSection.parse({ externalAccount: { keyId: 'x' } }), /^externalAccount takes both/],
    [() => acmeSection.parse({ solver: 'dns01' }), /^solver takes /],
  ];
  for (const [parse, fault] of faults) assert.throws(parse, { message: fault });
});
