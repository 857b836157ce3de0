/** `authorizer` and `authorizer.requestResource`: what the request's user may do besides, asked of whoever lets requests in. */
import { AuthorizerValue, Questions, ResourceCheckValue } from '../../../api/cel/libraries/authorizer.ts';
import type { Authorizer, UserInfo } from '../../request.ts';
import type { Asked } from '../asked.ts';
import { type Inputs, once } from './inputs.ts';

/** More rounds than one evaluation can pay for questions. */
const roundsMax = 100;

/** Without an authorizer, everybody may do everything. */
export function questionsTo(authorizer: Authorizer | undefined): Questions {
  return new Questions(({ user, verb, path, group, resource, subresource, namespace, name, ...selectors }) => {
    if (authorizer === undefined) return { allowed: true, reason: '' };
    const { fieldSelector, labelSelector } = selectors;
    const decision = authorizer.decide({
      user: user satisfies UserInfo,
      verb,
      path,
      group,
      version: path === '' ? '*' : '',
      resource,
      subresource,
      namespace,
      name,
      ...(fieldSelector !== '' && { fieldSelector }),
      ...(labelSelector !== '' && { labelSelector }),
    });
    return decision;
  });
}

export function authorizerInputs(asked: Asked, questions: Questions): Inputs {
  const { user, own, subresource, namespace, name } = asked;
  const authorizer = new AuthorizerValue(user, questions);
  const { group, resource } = own.resource;
  return {
    authorizer: () => authorizer,
    'authorizer.requestResource': once(
      () => new ResourceCheckValue(authorizer, { group, resource, subresource, namespace, name }),
    ),
  };
}

/** Evaluates until all that was asked has its answer: at once, but where somebody outside has to be asked. */
export async function settled<T>(questions: Questions, evaluate: () => T | Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    const result = await evaluate();
    if (!questions.isWaiting || round === roundsMax) return result;
    await questions.settled();
  }
}
