/** TokenReviews: whose token is this? Answered by the same authenticators that let requests in; nothing is stored. */
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { TokenReview, TokenReviewStatus } from '../../api/schema/types/authentication-v1.ts';
import { badRequest, internalError } from '../../api/status-error.ts';
import type { VirtualResource } from '../../registry/request.ts';
import { reviewOf, userInfo } from '../authorization/access-reviews.ts';
import type { TokenUnion } from './token-authenticators.ts';

export interface TokenReviewOptions {
  readonly tokens: Pick<TokenUnion, 'authenticateToken' | 'audiences'>;
  readonly schema: SchemaRegistry;
}

export function tokenReviews({ tokens, schema }: TokenReviewOptions): VirtualResource {
  return reviewOf<TokenReview>(schema, async ({ spec }) => {
    if (!spec?.token) throw badRequest('token is required for TokenReview in authentication');
    return answerTo(tokens, spec.token, spec.audiences?.length ? spec.audiences : tokens.audiences);
  });
}

async function answerTo(
  tokens: TokenReviewOptions['tokens'],
  token: string,
  wanted: readonly string[],
): Promise<TokenReviewStatus> {
  const outcome = await tokens.authenticateToken(token, wanted);
  if (outcome.kind !== 'user') return { user: {}, ...(outcome.kind === 'refused' && { error: outcome.why }) };
  const { user, audiences = wanted } = outcome;
  // An authenticator that passes over whom a token is for must not speak for others.
  if (!audiences.some((audience) => wanted.includes(audience))) throw internalError('error validating audiences');
  return { authenticated: true, user: userInfo(user), audiences };
}
