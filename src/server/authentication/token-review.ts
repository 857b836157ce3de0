/** TokenReviews: whose token is this? Answered by the same authenticators that let requests in; nothing is stored. */
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { TokenReview, TokenReviewStatus } from '../../api/schema/types/authentication-v1.ts';
import { badRequest } from '../../api/status-error.ts';
import type { UserInfo, VirtualResource } from '../../registry/request.ts';
import { reviewOf, userInfo } from '../authorization/access-reviews.ts';
import type { ServiceAccountTokens } from '../service-accounts/tokens.ts';

export interface TokenReviewOptions {
  readonly tokens: ServiceAccountTokens;
  readonly schema: SchemaRegistry;
}

export function tokenReviews({ tokens, schema }: TokenReviewOptions): VirtualResource {
  return reviewOf<TokenReview>(schema, async ({ spec }) => {
    if (!spec?.token) throw badRequest('token is required for TokenReview in authentication');
    return answerTo(tokens, spec.token, spec.audiences?.length ? spec.audiences : tokens.audiences);
  });
}

async function answerTo(
  tokens: ServiceAccountTokens,
  token: string,
  audiences: readonly string[],
): Promise<TokenReviewStatus> {
  const credentials = { certificate: undefined, headers: { authorization: `Bearer ${token}` }, audiences };
  const outcome = await tokens.authenticate(credentials);
  if (outcome.kind === 'user') return good(outcome.user, outcome.audiences ?? audiences);
  const why = outcome.kind === 'refused' ? outcome.why : unknown;
  return { user: {}, error: why === unknown ? unknown : `[${unknown}, ${why}]` };
}

const unknown = 'invalid bearer token';

function good(user: UserInfo, audiences: readonly string[]): TokenReviewStatus {
  return { authenticated: true, user: userInfo(user), audiences };
}
