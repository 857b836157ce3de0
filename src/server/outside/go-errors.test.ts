import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerCertificate } from 'node:tls';
import { callText, dialText, nameProblem } from './go-errors.ts';

const coded = (code: string, message = 'x'): NodeJS.ErrnoException => Object.assign(new Error(message), { code });

test('a dial that fails is told as Go tells it', () => {
  assert.equal(dialText(coded('ECONNREFUSED'), '10.0.0.1', 443), 'dial tcp 10.0.0.1:443: connect: connection refused');
  assert.equal(dialText(coded('EHOSTUNREACH'), 'fd00::1', 443), 'dial tcp [fd00::1]:443: connect: no route to host');
  assert.equal(dialText(coded('ENOTFOUND'), 'nowhere.invalid', 443), 'dial tcp: lookup nowhere.invalid: no such host');
  const both = new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')], 'both');
  assert.equal(dialText(both, 'localhost', 1), 'dial tcp localhost:1: connect: connection refused');
  assert.equal(dialText(coded('EOTHER', 'something else'), 'a', 1), 'dial tcp a:1: something else');
});

test('what TLS and HTTP say is told as Go tells it', () => {
  const unknown = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  for (const code of ['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'DEPTH_ZERO_SELF_SIGNED_CERT'])
    assert.equal(callText(coded(code)), unknown);
  assert.equal(callText(coded('ECONNRESET')), 'EOF');
  assert.equal(
    callText(
      coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'error:0A:SSL routines:tlsv13 alert certificate required:x'),
    ),
    'remote error: tls: certificate required',
  );
  assert.match(callText(coded('HPE_INVALID_CONSTANT')), /malformed HTTP response/);
});

test('a certificate is for the names that it bears as such, and a star for one label', () => {
  const problem = (name: string, subjectaltname: string, commonName = 'a.b') =>
    nameProblem(name, { subjectaltname, subject: { CN: commonName } } as unknown as PeerCertificate);
  assert.equal(problem('a.ns.svc', 'DNS:b, DNS:a.ns.svc'), undefined);
  assert.equal(problem('A.ns.svc', 'DNS:*.ns.svc'), undefined);
  assert.equal(problem('10.0.0.1', 'IP Address:10.0.0.1'), undefined);
  assert.equal(problem('fd00::1', 'IP Address:FD00:0:0:0:0:0:0:1'), undefined);
  const verification = 'tls: failed to verify certificate: x509:';
  assert.equal(
    problem('x.a.ns.svc', 'DNS:*.ns.svc'),
    `${verification} certificate is valid for *.ns.svc, not x.a.ns.svc`,
  );
  assert.equal(
    problem('a.b', ''),
    `${verification} certificate relies on legacy Common Name field, use SANs instead`,
    'the common name counts no more',
  );
  assert.equal(
    problem('10.0.0.1', 'DNS:10.0.0.1'),
    `${verification} cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs`,
  );
  assert.equal(
    problem('a.b', 'IP Address:10.0.0.1'),
    `${verification} certificate is not valid for any names, but wanted to match a.b`,
  );
});

test('a name within another one of the certificate is none of its names', () => {
  const problem = (subjectaltname: string) =>
    nameProblem('a.ns.svc', { subjectaltname, subject: {} } as unknown as PeerCertificate);
  // As Node prints an entry with a comma in it.
  for (const entry of ['URI:"http://x, DNS:a.ns.svc, y"', 'DNS:"x, DNS:a.ns.svc, y"', 'DNS:"\\", DNS:a.ns.svc, \\""']) {
    assert.match(problem(entry) ?? '', /certificate is /, entry);
    assert.equal(problem(`${entry}, DNS:a.ns.svc`), undefined, entry);
  }
});
