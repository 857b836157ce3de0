/** What TLS the listener speaks, as OpenSSL's clients find out who would take anything. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { RealClock } from '../../lib/clock.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import { type Listener, listen } from './listener.ts';
import { secureOptions, type TlsSettings } from './tls-settings.ts';

const clock = new RealClock({ keepsAlive: true });
const gcm = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'naru-tls-'));
  const listeners: Listener[] = [];
  let authority: CertificateAuthority;

  before(async () => {
    authority = await CertificateAuthority.open({ folder, clock });
  });
  after(async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(tls?: TlsSettings): Promise<Listener> {
    const listener = await listen('127.0.0.1', 0, {
      certificate: await authority.servingCertificate(['127.0.0.1']),
      clientAuthority: authority.certificate,
      tls,
      exchange: () => assert.fail('nothing is asked'),
      upgrades: [],
      clock,
    });
    listeners.push(listener);
    return listener;
  }

  /** `TLSv1.3 TLS_AES_128_GCM_SHA256`, or what went wrong. */
  function shakeHands({ port }: Listener, options: ConnectionOptions): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: authority.certificate, ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
        socket.destroy();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }

  test('1.2 and 1.3 are spoken, 1.0 and 1.1 are not', async () => {
    const listener = await start();
    assert.match(await shakeHands(listener, {}), /^TLSv1\.3 TLS_AES/);
    assert.equal(
      await shakeHands(listener, { maxVersion: 'TLSv1.2' }),
      'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    );
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      const old = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
      assert.equal(await shakeHands(listener, old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', version);
    }
  });

  test('weak suites are refused: CBC, keys that are not ephemeral, no authentication, no encryption', async () => {
    const listener = await start();
    for (const suite of [
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-ECDSA-AES256-SHA384',
      'AES128-GCM-SHA256',
      'AES256-SHA',
      'AECDH-AES128-SHA',
      'ECDHE-ECDSA-NULL-SHA',
    ]) {
      const weak = { maxVersion: 'TLSv1.2' as const, ciphers: `${suite}:@SECLEVEL=0` };
      assert.match(await shakeHands(listener, weak), /HANDSHAKE_FAILURE/, suite);
    }
    for (const suite of ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
      assert.match(await shakeHands(listener, { maxVersion: 'TLSv1.2', ciphers: suite }), /^TLSv1\.2/, suite);
    }
  });

  test('what is set holds, also after a new certificate', async () => {
    const newest = await start({ minVersion: 'VersionTLS13' });
    const narrow = await start({ cipherSuites: [gcm, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA'] });
    for (let round = 0; round < 2; round++) {
      assert.equal(await shakeHands(newest, { maxVersion: 'TLSv1.2' }), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
      assert.match(await shakeHands(newest, {}), /^TLSv1\.3/);
      const wanted = (ciphers: string) => shakeHands(narrow, { maxVersion: 'TLSv1.2', ciphers });
      assert.match(await wanted('ECDHE-ECDSA-AES256-GCM-SHA384'), /HANDSHAKE_FAILURE/);
      assert.match(await wanted('ECDHE-ECDSA-AES128-SHA'), /^TLSv1\.2/);
      assert.match(await shakeHands(narrow, {}), /^TLSv1\.3/);
      const renewed = await authority.servingCertificate(['127.0.0.1', `round-${round}`]);
      for (const each of [newest, narrow]) each.setCertificate(renewed);
    }
  });

  test('names that upstream does not know, or that are broken, are refused in its words', () => {
    const refused: readonly [TlsSettings, RegExp][] = [
      [{ minVersion: 'TLS12' }, /^unknown tls version "TLS12"$/],
      [{ minVersion: 'VersionTLS10' }, /naru does not speak it/],
      [
        { cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256'] },
        /^Cipher suite ECDHE-ECDSA-AES128-GCM-SHA256 not supported or doesn't exist$/,
      ],
      [{ cipherSuites: ['constructor'] }, /not supported or doesn't exist$/],
      [{ cipherSuites: [gcm, 'TLS_RSA_WITH_RC4_128_SHA'] }, /is broken/],
      [
        { cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
        /^http2: TLSConfig\.CipherSuites is missing an HTTP\/2-required/,
      ],
    ];
    for (const [settings, message] of refused) assert.throws(() => secureOptions(settings), { message });
    assert.equal(
      secureOptions({ minVersion: 'VersionTLS13', cipherSuites: ['TLS_AES_128_GCM_SHA256'] }).minVersion,
      'TLSv1.3',
    );
  });
});
