/** Admission webhooks that cannot be asked: whom they hold up, and where their server is. */
import type { KubeObject } from '../../api/object.ts';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { Resource } from '../../client/client.ts';
import { services } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { listed } from '../words.ts';

const group = 'admissionregistration.k8s.io';
const clusterWide = <T extends KubeObject>(kind: string, resource: string): Resource<T> => ({
  group,
  version: 'v1',
  kind,
  resource,
  namespaced: false,
});

export const validatingWebhooks = clusterWide<ValidatingWebhookConfiguration>(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
);
export const mutatingWebhooks = clusterWide<MutatingWebhookConfiguration>(
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
);

type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;
type Webhook = ValidatingWebhook | MutatingWebhook;

export async function allWebhooks({
  look,
}: Inquiry): Promise<readonly { readonly configuration: Configuration; readonly webhook: Webhook }[]> {
  const configurations: Configuration[] = [
    ...(await look.list(validatingWebhooks)),
    ...(await look.list(mutatingWebhooks)),
  ];
  return configurations.flatMap((configuration) =>
    (configuration.webhooks ?? []).map((webhook: Webhook) => ({ configuration, webhook })),
  );
}

/** Why the webhook of this name cannot be asked. @param why in the API's words */
export async function webhookCauses(name: string, why: string, inquiry: Inquiry): Promise<readonly Finding[]> {
  const found = (await allWebhooks(inquiry)).filter(({ webhook }) => webhook.name === name);
  const findings: Finding[] = [];
  for (const { configuration, webhook } of found) findings.push(await unanswered(configuration, webhook, why, inquiry));
  return findings;
}

async function unanswered(
  configuration: Configuration,
  webhook: Webhook,
  why: string,
  inquiry: Inquiry,
): Promise<Finding> {
  const causes = await serverCauses(webhook, inquiry);
  const subject = subjectOf(configuration);
  return finding(
    configuration,
    'WebhookUnanswered',
    `the server of webhook "${webhook.name}" does not answer: ${why.slice(0, 300)}`,
    {
      why: [whomText(webhook), serverText(webhook)],
      causes,
      fix: [
        remedy('Get its server to run again; nothing else needs to change'),
        remedy(
          'If it is gone for good: delete the configuration. What it checked or changed is then neither checked nor changed',
          `naru delete ${argumentOf(subject)}`,
        ),
        remedy(
          'Or let requests pass when it does not answer: failurePolicy: Ignore',
          `naru edit ${argumentOf(subject)}`,
        ),
      ],
    },
  );
}

const serverText = ({ clientConfig }: Webhook): string => {
  const { service, url } = clientConfig;
  return service === undefined
    ? `it is called at ${url ?? 'no address'}`
    : `it is called at Service ${service.namespace}/${service.name}`;
};

function whomText({ rules = [], failurePolicy = 'Fail' }: Webhook): string {
  const what = rules.map(({ operations = [], resources = [] }) => `${operations.join('|')} of ${resources.join(', ')}`);
  const hard =
    failurePolicy === 'Fail' ? 'nothing of that is admitted without it' : 'what it cannot be asked about passes';
  return `it is asked about ${listed(what, 4)}; failurePolicy ${failurePolicy}: ${hard}`;
}

async function serverCauses({ clientConfig }: Webhook, inquiry: Inquiry): Promise<readonly Finding[]> {
  const reference = clientConfig.service;
  if (reference === undefined) return [];
  const { namespace, name } = reference;
  const service = await inquiry.look.get(services, { namespace, name });
  if (service !== undefined) return (await inquiry.into(service)).filter(isProblem);
  return [
    finding(
      { kind: 'Service', namespace, name },
      'ServiceMissing',
      `there is no Service "${name}" in namespace ${namespace}`,
      {
        fix: [remedy('Its software was removed or never installed: install it, or delete the webhook configuration')],
      },
    ),
  ];
}

/** A configuration asked about by itself: does anybody answer behind it? */
export async function webhookRules(configuration: Configuration, inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const webhook of (configuration.webhooks ?? []) as readonly Webhook[]) {
    const causes = await serverCauses(webhook, inquiry);
    if (causes.length === 0) continue;
    const isHard = (webhook.failurePolicy ?? 'Fail') === 'Fail';
    const text = isHard
      ? 'blocks every request that it is asked about: nobody is behind it'
      : 'has nobody behind it, and is passed over';
    findings.push(
      finding(configuration, 'WebhookWithoutServer', `webhook "${webhook.name}" ${text}`, {
        severity: isHard ? 'problem' : 'warning',
        why: [whomText(webhook), serverText(webhook)],
        causes,
        fix: [
          remedy(
            'Get its server to run, or delete the configuration',
            `naru delete ${argumentOf(subjectOf(configuration))}`,
          ),
        ],
      }),
    );
  }
  return findings;
}
