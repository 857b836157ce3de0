/** How objects of a custom resource get from one version to another. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import type { CustomResourceConversion } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { requiredOneOf } from './checks.ts';
import { validateWebhookClient } from './webhook-client.ts';
import { reviewVersions, validateVersionNames } from './webhooks.ts';

export function validateConversion(path: string, conversion: CustomResourceConversion | undefined): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  const { clientConfig, conversionReviewVersions } = webhook ?? {};
  const errors = requiredOneOf(`${path}.strategy`, strategy, ['None', 'Webhook']);
  const [client, versions] = [`${path}.webhookClientConfig`, `${path}.conversionReviewVersions`];
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (clientConfig) errors.push(forbiddenField(client, why));
    if (conversionReviewVersions?.length) errors.push(forbiddenField(versions, why));
    return errors;
  }
  if (clientConfig) errors.push(...validateWebhookClient(client, clientConfig));
  else errors.push(required(client, 'required when strategy is set to Webhook'));
  return [...errors, ...validateVersions(versions, conversionReviewVersions ?? [])];
}

function validateVersions(path: string, given: readonly string[]): FieldError[] {
  if (given.length === 0) return [required(path)];
  const errors = validateVersionNames(path, given);
  if (given.some((version) => reviewVersions.includes(version))) return errors;
  return [...errors, invalidValue(path, given, `must include at least one of ${reviewVersions.join(', ')}`)];
}
