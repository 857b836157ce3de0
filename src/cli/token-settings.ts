/**
 * The options that say who signs service accounts' tokens and whom they are for, under upstream's names: what they make of a home's
 * settings. An empty one turns an earlier one off.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { limits } from '../lib/limits.ts';
import type { TokenSettings } from '../server/service-accounts/tokens.ts';
import { UserError } from './user-error.ts';

export interface TokenCommandOptions {
  readonly serviceAccountIssuer?: readonly string[];
  readonly apiAudiences?: string;
  readonly serviceAccountJwksUri?: string;
  readonly serviceAccountMaxTokenExpiration?: string;
  readonly serviceAccountExtendTokenExpiration?: boolean;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function withTokenSettings(command: Command): Command {
  return command
    .option(
      '--service-account-issuer <issuer>',
      "who signs service accounts' tokens; further ones are accepted, too; '' for the usual one",
      collect,
    )
    .option('--api-audiences <list>', "whom tokens for this API are for, with commas; '' for the issuers")
    .option('--service-account-jwks-uri <url>', "where others find the tokens' keys; '' for the issuer")
    .option('--service-account-max-token-expiration <time>', "how long a token may hold, such as 24h; '' for no bound")
    .option(
      '--service-account-extend-token-expiration <true|false>',
      'whether tokens of pods hold for a year, for programs that never read them again (default: true)',
      trueOrFalse,
    );
}

function trueOrFalse(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('It must be true or false.');
  return text === 'true';
}

/** `24h`, `1h30m`. @throws UserError where it is none, or out of upstream's bounds */
function secondsOf(text: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  const [hours = 0, minutes = 0, seconds = 0] = (match?.slice(1) ?? []).map((part) => Number(part ?? 0));
  const sum = hours * 3600 + minutes * 60 + seconds;
  if (match !== null && sum >= 3600 && sum <= limits.tokenSecondsMax) return sum;
  throw new UserError(
    `--service-account-max-token-expiration ${text} must be a time such as 24h, from an hour to 2^32 seconds`,
  );
}

/** Undefined: everything is as it is built in. @throws UserError where a value cannot be used */
export function tokenSettings(
  before: TokenSettings | undefined,
  given: TokenCommandOptions,
): TokenSettings | undefined {
  const issuers = given.serviceAccountIssuer?.filter((issuer) => issuer !== '') ?? before?.issuers ?? [];
  const audiences = given.apiAudiences?.split(',').filter((one) => one !== '') ?? before?.audiences ?? [];
  const jwksUri = given.serviceAccountJwksUri ?? before?.jwksUri ?? '';
  for (const issuer of issuers) {
    // As upstream: a plain word is a name, what looks like a URL must be one.
    if (issuer.includes(':') && !URL.canParse(issuer)) {
      throw new UserError(`--service-account-issuer ${issuer} contains a ':' but is not a valid URL`);
    }
  }
  if (jwksUri !== '' && URL.parse(jwksUri)?.protocol !== 'https:') {
    throw new UserError(`--service-account-jwks-uri ${jwksUri} must be a URL that begins with https://`);
  }
  const { serviceAccountMaxTokenExpiration: most, serviceAccountExtendTokenExpiration: extend } = given;
  const maxExpirationSeconds = most === undefined ? before?.maxExpirationSeconds : most && secondsOf(most);
  const withoutExtension = extend === undefined ? before?.withoutExtension : !extend;
  const chosen = {
    ...(issuers.length > 0 && { issuers }),
    ...(audiences.length > 0 && { audiences }),
    ...(jwksUri !== '' && { jwksUri }),
    ...(maxExpirationSeconds && { maxExpirationSeconds }),
    ...(withoutExtension && { withoutExtension }),
  };
  return Object.keys(chosen).length > 0 ? chosen : undefined;
}
