/** The options of the API's TLS, under upstream's names, and what they make of a home's settings. */
import type { Command } from 'commander';
import { secureOptions, type TlsSettings, tlsCipherSuites, tlsVersions } from '../server/http/tls-settings.ts';
import { UserError } from './user-error.ts';

export interface TlsCommandOptions {
  readonly tlsMinVersion?: string;
  /** Separated by commas. */
  readonly tlsCipherSuites?: string;
}

export function withTls(command: Command): Command {
  return command
    .option('--tls-min-version <version>', `the oldest TLS that is spoken: ${tlsVersions.join(' or ')}`)
    .option(
      '--tls-cipher-suites <names>',
      `cipher suites of TLS 1.2, separated by commas; '' for the default: ${tlsCipherSuites.join(', ')}`,
    );
}

/** An empty option turns an earlier one off. @throws UserError where the two cannot be used */
export function tlsSettings(before: TlsSettings | undefined, options: TlsCommandOptions): TlsSettings | undefined {
  const minVersion = options.tlsMinVersion ?? before?.minVersion;
  const cipherSuites =
    options.tlsCipherSuites
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '') ?? before?.cipherSuites;
  const settings = { ...(minVersion && { minVersion }), ...(cipherSuites?.length && { cipherSuites }) };
  try {
    secureOptions(settings);
  } catch (error) {
    throw new UserError(`the TLS options cannot be used: ${(error as Error).message}`);
  }
  return Object.keys(settings).length === 0 ? undefined : settings;
}
