/** The options of the API's TLS, under upstream's names, and what they make of a home's settings. */
import { isIP } from 'node:net';
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
    .option(
      '--tls-san <names>',
      "other names and addresses that clients reach the API by, separated by commas, for its certificate; '' for none",
    )
    .option('--tls-min-version <version>', `the oldest TLS that is spoken: ${tlsVersions.join(' or ')}`)
    .option(
      '--tls-cipher-suites <names>',
      `cipher suites of TLS 1.2, separated by commas; '' for the default: ${tlsCipherSuites.join(', ')}`,
    );
}

/** Of `--tls-san`. @throws UserError for what is neither a name nor an address */
export function servingNamesOf(text: string): readonly string[] {
  const names = text
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const wrong = names.find((name) => isIP(name) === 0 && !/^(\*\.)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name));
  if (wrong === undefined) return [...new Set(names)];
  throw new UserError(`--tls-san takes names and addresses with commas between, and got ${wrong.slice(0, 80)}`);
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
