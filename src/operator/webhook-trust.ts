/**
 * Tells those who call an operator's webhooks whom to trust: every webhook configuration and CustomResourceDefinition that names its Service.
 * Only the kinds that its webhooks are called from are looked at, so that an operator needs no other rights.
 */
import type { KubeObject } from '../api/object.ts';
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../api/schema/types/apiextensions-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { customResourceDefinitions } from '../client/resources.ts';
import type { Webhook } from './webhooks.ts';

interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export interface TrustOptions {
  readonly client: Client;
  readonly service: Place;
  readonly kinds: ReadonlySet<Webhook['kind']>;
}

const mutatingConfigurations: Resource<MutatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  namespaced: false,
};
const validatingConfigurations: Resource<ValidatingWebhookConfiguration> = {
  ...mutatingConfigurations,
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
};

/** `caBundle` is PEM in base64. What somebody else changes meanwhile is left for the next time. */
export async function tellWhomToTrust({ client, service, kinds }: TrustOptions, caBundle: string): Promise<void> {
  const tell = async <T extends KubeObject>(resource: Resource<T>, change: (object: T) => T | undefined) => {
    for (const object of (await client.list(resource)).items) {
      const changed = change(object);
      if (changed === undefined) continue;
      await client.update(resource, changed).catch((error: unknown) => {
        if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
      });
    }
  };
  const isOurs = (named: Place | undefined) => named?.namespace === service.namespace && named?.name === service.name;
  if (kinds.has('mutating')) await tell(mutatingConfigurations, (object) => withBundle(object, isOurs, caBundle));
  if (kinds.has('validating')) await tell(validatingConfigurations, (object) => withBundle(object, isOurs, caBundle));
  if (kinds.has('conversion')) {
    await tell(customResourceDefinitions, (object) => convertedWith(object, isOurs, caBundle));
  }
}

/** Undefined where nothing is to be changed. */
function withBundle<T extends MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
  configuration: T,
  isOurs: (service: Place | undefined) => boolean,
  caBundle: string,
): T | undefined {
  const { webhooks = [] } = configuration;
  const changed = webhooks.map((webhook) =>
    isOurs(webhook.clientConfig?.service) && webhook.clientConfig?.caBundle !== caBundle
      ? { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } }
      : webhook,
  );
  return changed.every((webhook, index) => webhook === webhooks[index])
    ? undefined
    : { ...configuration, webhooks: changed };
}

function convertedWith(
  definition: CustomResourceDefinition,
  isOurs: (service: Place | undefined) => boolean,
  caBundle: string,
): CustomResourceDefinition | undefined {
  const conversion = definition.spec.conversion;
  const clientConfig = conversion?.webhook?.clientConfig;
  if (!isOurs(clientConfig?.service) || clientConfig?.caBundle === caBundle) return undefined;
  const webhook = { ...conversion?.webhook, clientConfig: { ...clientConfig, caBundle } };
  return {
    ...definition,
    spec: { ...definition.spec, conversion: { ...conversion, webhook } },
  } as CustomResourceDefinition;
}
