/** Objects that a controller wanted to make and the API did not take: what the refusal means. A new kind of refusal is a row. */
import type { KubeObject } from '../../api/object.ts';
import { limitRanges, resourceQuotas } from '../../client/resources.ts';
import { webhookCauses } from '../cluster/webhooks.ts';
import { argumentOf, type Finding, finding, type Remedy, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';

interface Refusal {
  readonly what: string;
  readonly fix: readonly (Remedy | undefined)[];
  readonly causes?: readonly Finding[];
}

interface Row {
  readonly pattern: RegExp;
  readonly code: string;
  readonly explain: (match: RegExpExecArray, owner: KubeObject, inquiry: Inquiry) => Refusal | Promise<Refusal>;
}

const namespaceOf = ({ metadata }: KubeObject): string => metadata?.namespace ?? '';

const rows: readonly Row[] = [
  {
    pattern: /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+?)$/,
    code: 'QuotaExceeded',
    explain: ([, name = '', requested, used, limited], owner) => ({
      what: `the quota "${name}" of namespace ${namespaceOf(owner)} is used up: it allows ${limited}, ${used} is in use, and one more pod asks for ${requested}`,
      fix: [
        remedy('See what is used', `naru describe resourcequota/${name} -n ${namespaceOf(owner)}`),
        remedy(
          'Scale something down, let the pods ask for less, or raise the quota',
          `naru edit resourcequota/${name} -n ${namespaceOf(owner)}`,
        ),
      ],
    }),
  },
  {
    pattern: /failed quota: ([^:]+): must specify (.+?)(?: for:|$)/,
    code: 'QuotaNeedsRequests',
    explain: async ([, name = '', missing], owner, { look }) => {
      const hasDefaults = (await look.list(limitRanges, namespaceOf(owner))).length > 0;
      return {
        what: `the quota "${name}" counts ${missing}, and the pods do not say how much they want of it`,
        fix: [
          remedy(`Add ${missing} to resources of every container in the template`),
          hasDefaults
            ? undefined
            : remedy('Or give the namespace defaults by a LimitRange (type Container: default, defaultRequest)'),
        ],
      };
    },
  },
  {
    pattern:
      /((?:maximum|minimum) .+? usage per (?:Container|Pod) is .+?|.+? max limit to request ratio per .+?)(?:$|, but)/,
    code: 'LimitRange',
    explain: async ([whole], owner, { look }) => {
      const [range] = await look.list(limitRanges, namespaceOf(owner));
      return {
        what: `a LimitRange of namespace ${namespaceOf(owner)} forbids it: ${whole.replace(/^.*is forbidden: /, '')}`,
        fix: [
          remedy('Change resources in the template so that they fit'),
          range && remedy('Or change the range', `naru edit ${argumentOf(subjectOf(range))}`),
        ],
      };
    },
  },
  {
    pattern: /violates PodSecurity "([^":]+)[^"]*": (.+)$/s,
    code: 'PodSecurity',
    explain: ([, level, details = ''], owner) => ({
      what: `namespace ${namespaceOf(owner)} takes only pods that keep to the standard "${level}", and these do not: ${withoutAsides(details).slice(0, 400)}`,
      fix: [
        remedy('Set in securityContext of the template what the event asks for, in parentheses'),
        remedy(
          'Or let the namespace take such pods',
          `naru label namespace/${namespaceOf(owner)} --overwrite pod-security.kubernetes.io/enforce=privileged`,
        ),
      ],
    }),
  },
  {
    pattern: /failed calling webhook "([^"]+)": (.+)$/s,
    code: 'WebhookFailed',
    explain: async ([, name = '', why = ''], _owner, inquiry) => ({
      what: `the admission webhook "${name}" cannot be asked, and nothing is admitted without it`,
      fix: [],
      causes: await webhookCauses(name, why, inquiry),
    }),
  },
  {
    pattern: /admission webhook "([^"]+)" denied the request(?:: (.+))?$/s,
    code: 'WebhookDenied',
    explain: ([, name = '', why = 'without explanation']) => ({
      what: `the admission webhook "${name}" refuses its pods: ${why.slice(0, 400)}`,
      fix: [
        remedy(
          'Change the template so that the rule holds; whose rule it is',
          'naru get validatingwebhookconfigurations,mutatingwebhookconfigurations',
        ),
      ],
    }),
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']+)'.*denied request: (.+)$/s,
    code: 'PolicyDenied',
    explain: ([, name = '', why = '']) => ({
      what: `the admission policy "${name}" refuses its pods: ${why.slice(0, 400)}`,
      fix: [
        remedy(
          'Change the template so that the policy holds; what it says',
          `naru get validatingadmissionpolicy/${name} -o yaml`,
        ),
      ],
    }),
  },
  {
    pattern: /error looking up service account ([^/]+)\/([^:]+): serviceaccount .* not found/,
    code: 'ServiceAccountMissing',
    explain: ([, namespace = '', name = '']) => ({
      what: `there is no ServiceAccount "${name}" in namespace ${namespace}, as which its pods shall run`,
      fix: [
        remedy(
          'Create it, or correct serviceAccountName in the template; these are there',
          `naru get serviceaccounts -n ${namespace}`,
        ),
      ],
    }),
  },
  {
    pattern: /no PriorityClass with name (\S+) was found/,
    code: 'PriorityClassMissing',
    explain: ([, name]) => ({
      what: `there is no PriorityClass "${name}", which its pods name`,
      fix: [
        remedy('Create it, or correct priorityClassName in the template; these are there', 'naru get priorityclasses'),
      ],
    }),
  },
  {
    pattern: /because it is being terminated/,
    code: 'NamespaceTerminating',
    explain: (_match, owner) => ({
      what: `namespace ${namespaceOf(owner)} is being deleted: nothing new is made in it`,
      fix: [remedy('See what it waits for', `naru why namespace/${namespaceOf(owner)}`)],
    }),
  },
  {
    pattern: /is invalid: (.+)$/s,
    code: 'TemplateInvalid',
    explain: ([, why = '']) => ({
      what: `its template makes no valid pod: ${why.slice(0, 400)}`,
      fix: [remedy('Correct the field that the message names in the template')],
    }),
  },
  {
    pattern: /is forbidden: (.+)$/s,
    code: 'Forbidden',
    explain: ([, why = '']) => ({
      what: `its pods are forbidden: ${why.slice(0, 400)}`,
      fix: [remedy('Change what the message names')],
    }),
  },
];

/** @param message of the event or condition that tells the refusal */
export async function refusal(
  owner: KubeObject,
  message: string,
  why: readonly string[],
  inquiry: Inquiry,
): Promise<Finding> {
  const text = message.replace(/^Error creating: /, '');
  for (const { pattern, code, explain } of rows) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const { what, fix, causes = [] } = await explain(match, owner, inquiry);
    const again = remedy(
      'The controller tries again by itself; when it has',
      `naru why ${argumentOf(subjectOf(owner))}`,
    );
    return finding(owner, code, what, { why, fix: [...fix, causes.length === 0 ? again : undefined], causes });
  }
  return finding(owner, 'CreateFailed', `its pods cannot be created: ${text.slice(0, 400)}`, {
    why,
    fix: [remedy('Change what the message names; the controller tries again by itself')],
  });
}

/** Quotas that leave no room, for `naru status` and `naru doctor`. */
export async function fullQuotas(namespace: string, { look }: Inquiry): Promise<readonly string[]> {
  return (await look.list(resourceQuotas, namespace)).flatMap(({ metadata, status }) =>
    Object.entries(status?.hard ?? {}).flatMap(([name, hard]) =>
      hard !== '0' && status?.used?.[name] === hard ? [`${metadata?.name}: ${name} ${hard} of ${hard}`] : [],
    ),
  );
}

/** Of `seccompProfile (pod or container "app" must set …)` the first word; how it is mended stands in the event, whole. */
const withoutAsides = (text: string): string => text.replace(/ \([^()]*\)/g, '');
