/** What `naru doctor` looks at in a cluster. Each check a function of its own, in the order of the report; none changes anything. */
import type { KubeObject } from '../../api/object.ts';
import {
  customResourceDefinitions,
  namespaces,
  nodes,
  podDisruptionBudgets,
  pods,
  secrets,
} from '../../client/resources.ts';
import { apiServices } from '../cluster/api-services.ts';
import { allWebhooks } from '../cluster/webhooks.ts';
import { type Explanation, explainAll } from '../explain.ts';
import { argumentOf, remedy, rootOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { certificateFacts, certificateOf, soonMs } from '../network/tls.ts';
import { hasEnded } from '../pods/containers.ts';
import { counted, durationText, listed } from '../words.ts';
import { fullQuotas } from '../workloads/refused.ts';
import { oldVersions } from './api-versions.ts';
import { type Check, checker } from './check.ts';
import { definitionTroubles } from './definitions.ts';

const check = checker('cluster');

export interface ClusterFacts {
  readonly address: string;
  /** The server's: `v1.36.0`. */
  readonly version: string;
  /** How far this machine's clock is ahead of the server's (ms); undefined: the server did not say. */
  readonly aheadMs: number | undefined;
  /** Parts of the server that say that they are not ready. */
  readonly notReady: readonly string[];
}

export async function clusterChecks(facts: ClusterFacts, inquiry: Inquiry): Promise<readonly Check[]> {
  const { explanations } = await explainAll(inquiry, undefined, { warnings: true });
  return [
    serverParts(facts),
    serverClock(facts),
    await skew(facts, inquiry),
    unhealthy(explanations),
    held('webhooks', explanations, /^Webhook/, 'no webhook is without its server'),
    held('extensions', explanations, /^ApiUnavailable$/, 'all extension APIs answer'),
    await versions(inquiry),
    await definitions(inquiry),
    await certificates(inquiry),
    await budgets(inquiry),
    await quotas(inquiry),
    await requests(inquiry),
  ];
}

function serverParts({ address, version, notReady }: ClusterFacts): Check {
  if (notReady.length === 0) return check('api', 'ok', `the API answers at ${address}, version ${version}`);
  return check('api', 'problem', `parts of the API at ${address} are not ready: ${listed(notReady)}`, {
    fix: [remedy("Read the server's log (naru.log in NARU_HOME), or start it again", 'naru down && naru up')],
  });
}

function serverClock({ aheadMs }: ClusterFacts): Check {
  if (aheadMs === undefined) return check('clocks', 'hint', 'the server does not tell its time');
  // The server's header has whole seconds.
  const offMs = Math.max(0, Math.abs(aheadMs) - 1000);
  if (offMs < 2000) return check('clocks', 'ok', "this machine's clock and the server's agree");
  const text = `this machine's clock is ${durationText(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
  return check('clocks', offMs > 30_000 ? 'problem' : 'warning', text, {
    fix: [remedy('Set both by a time server: certificates, tokens and leases hang on it', 'timedatectl set-ntp true')],
  });
}

/** Of `v1.36.0+naru` and `v1.36.0+naru-0.1.0` only what both tell. */
const sameVersion = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

const minorOf = (version: string): number => Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? Number.NaN);

/** A node may be three minor versions older than its server, and never newer. */
async function skew({ version }: ClusterFacts, { look }: Inquiry): Promise<Check> {
  const all = (await look.list(nodes)).map(({ metadata, status }) => ({
    name: metadata?.name ?? '',
    version: status?.nodeInfo?.kubeletVersion ?? '',
  }));
  const own = minorOf(version);
  const of = (test: (minor: number) => boolean): string[] =>
    all.filter((one) => test(minorOf(one.version))).map((one) => `${one.name} (${one.version})`);
  const bad = of((minor) => minor > own || minor < own - 3);
  if (bad.length > 0) {
    return check('versions of nodes', 'problem', `nodes that do not fit the server's ${version}: ${listed(bad)}`, {
      fix: [remedy('Bring all to one version', 'naru upgrade')],
    });
  }
  const other = all.filter((one) => !sameVersion(one.version, version)).map((one) => `${one.name} (${one.version})`);
  if (other.length > 0)
    return check(
      'versions of nodes',
      'warning',
      `nodes of another version than the server's ${version}: ${listed(other)}`,
      { fix: [remedy('Bring them up', 'naru upgrade')] },
    );
  return check(
    'versions of nodes',
    'ok',
    all.length === 0 ? 'there are no nodes' : `${counted(all.length, 'node')}, all of version ${version}`,
  );
}

/** These have checks of their own. */
const apart = /^(Webhook|ApiUnavailable|CertificateExpired)/;

function unhealthy(explanations: readonly Explanation[]): Check {
  const bad = explanations.filter(({ findings }) =>
    findings.some(({ severity, code }) => severity === 'problem' && !apart.test(code)),
  );
  if (bad.length === 0) return check('health', 'ok', 'nothing is unhealthy');
  const lines = bad.map(({ subject, findings }) => {
    const first = findings.find(({ severity }) => severity === 'problem') ?? findings[0];
    return `${argumentOf(subject)}: ${first === undefined ? '' : rootOf(first).what}`;
  });
  return check(
    'health',
    'problem',
    `${counted(bad.length, 'object')} ${bad.length === 1 ? 'does' : 'do'} not do ${bad.length === 1 ? 'its' : 'their'} work`,
    {
      details: lines,
      fix: [remedy('Each with its cause and the way out', 'naru why -A')],
    },
  );
}

function held(name: string, explanations: readonly Explanation[], codes: RegExp, good: string): Check {
  const found = explanations.flatMap(({ subject, findings }) =>
    findings.filter(({ code }) => codes.test(code)).map((one) => ({ subject, one })),
  );
  if (found.length === 0) return check(name, 'ok', good);
  const worst = found.some(({ one }) => one.severity === 'problem') ? 'problem' : 'warning';
  return check(name, worst, found[0] === undefined ? '' : `${argumentOf(found[0].subject)}: ${found[0].one.what}`, {
    details: found.slice(1).map(({ subject, one }) => `${argumentOf(subject)}: ${one.what}`),
    fix: found.flatMap(({ one }) => one.fix).slice(0, 4),
  });
}

/** What controllers make from others' objects, or what comes and goes, was written by nobody in an old version. */
const unwritten: ReadonlySet<string> = new Set([
  'events',
  'pods',
  'replicasets',
  'endpointslices',
  'endpoints',
  'leases',
  'controllerrevisions',
  'nodes',
  'ipaddresses',
  'csinodes',
  'volumeattachments',
]);

async function versions(inquiry: Inquiry): Promise<Check> {
  const objects: KubeObject[] = [];
  for (const resource of await inquiry.look.resources()) {
    if (
      !resource.preferred ||
      !resource.verbs.includes('list') ||
      !resource.verbs.includes('update') ||
      unwritten.has(resource.resource)
    )
      continue;
    objects.push(...(await inquiry.look.list(resource)));
  }
  const found = await oldVersions(objects, inquiry);
  if (found.length === 0) return check('API versions', 'ok', 'nobody writes API versions that are gone or going');
  const gone = found.filter(({ isGone }) => isGone);
  const lines = found.map(
    ({ where, apiVersion, kind, use, by }) => `${where}: ${by} writes ${apiVersion} ${kind}; use ${use}`,
  );
  return check(
    'API versions',
    gone.length > 0 ? 'problem' : 'warning',
    gone.length > 0
      ? `${counted(gone.length, 'manifest')} ${gone.length === 1 ? 'names an API version that is' : 'name API versions that are'} gone: applied again, ${gone.length === 1 ? 'it is' : 'they are'} refused`
      : `${counted(found.length, 'manifest')} ${found.length === 1 ? 'names' : 'name'} API versions that will go`,
    {
      details: lines,
      fix: [
        remedy(
          'Change apiVersion (and the fields that went with it) in those manifests or charts, and apply them again',
        ),
      ],
    },
  );
}

async function definitions({ look }: Inquiry): Promise<Check> {
  const all = await look.list(customResourceDefinitions);
  const found = definitionTroubles(all);
  if (found.length === 0)
    return check(
      'custom kinds',
      'ok',
      all.length === 0
        ? 'no custom kinds are defined'
        : `${counted(all.length, 'definition')} of custom kinds, without clashes`,
    );
  return check(
    'custom kinds',
    'warning',
    `${counted(found.length, 'clash', 'clashes')} among definitions of custom kinds`,
    {
      details: found.map(({ name, says }) => `${name}: ${says}`),
      fix: [
        found.some(({ kind }) => kind === 'clash')
          ? remedy(
              'Let one chart own the definition: the others have a value such as installCRDs or crds.enabled to leave it out',
            )
          : undefined,
        found.some(({ kind }) => kind === 'mixed')
          ? remedy('Bring all definitions of the group to one release: apply the CRDs of the chart that is installed')
          : undefined,
        found.some(({ kind }) => kind === 'stored')
          ? remedy(
              'Write its objects once in a version that is served, then take the old one out of status.storedVersions',
            )
          : undefined,
      ],
    },
  );
}

async function certificates(inquiry: Inquiry): Promise<Check> {
  const { look, nowMs } = inquiry;
  const all: { readonly where: string; readonly pem: string }[] = [];
  for (const secret of await look.list(secrets)) {
    if (secret.type === 'kubernetes.io/tls')
      all.push({
        where: `secret/${secret.metadata?.name} -n ${secret.metadata?.namespace}`,
        pem: certificateOf(secret),
      });
  }
  const bundle = (where: string, text: string | undefined): void => {
    if (text) all.push({ where, pem: Buffer.from(text, 'base64').toString() });
  };
  for (const { configuration, webhook } of await allWebhooks(inquiry)) {
    bundle(`the caBundle of webhook ${webhook.name} in ${configuration.metadata?.name}`, webhook.clientConfig.caBundle);
  }
  for (const { metadata, spec } of await look.list(apiServices))
    bundle(`the caBundle of APIService ${metadata?.name}`, spec?.caBundle);
  for (const { metadata, spec } of await look.list(customResourceDefinitions)) {
    bundle(`the caBundle of the conversion of ${metadata?.name}`, spec?.conversion?.webhook?.clientConfig?.caBundle);
  }
  const dated = all.flatMap(({ where, pem }) => {
    const facts = certificateFacts(pem);
    return facts === undefined ? [] : [{ where, leftMs: facts.toMs - nowMs }];
  });
  const over = dated.filter(({ leftMs }) => leftMs < 0);
  const soon = dated.filter(({ leftMs }) => leftMs >= 0 && leftMs < soonMs);
  const lines = [
    ...over.map(({ where, leftMs }) => `${where}: expired ${durationText(-leftMs)} ago`),
    ...soon.map(({ where, leftMs }) => `${where}: expires in ${durationText(leftMs)}`),
  ];
  if (lines.length === 0)
    return check(
      'certificates in the cluster',
      'ok',
      dated.length === 0
        ? 'there are none'
        : `${counted(dated.length, 'certificate')}, none expires within ${durationText(soonMs)}`,
    );
  return check(
    'certificates in the cluster',
    over.length > 0 ? 'problem' : 'warning',
    `${counted(lines.length, 'certificate')} ${over.length > 0 ? 'expired or about to expire' : 'about to expire'}`,
    {
      details: lines,
      fix: [
        remedy('Renew them, or let an Ingress’s be made and renewed: annotation naru.io/acme: "true"'),
        remedy('Webhooks’ are for their operator to renew: look whether it runs'),
      ],
    },
  );
}

async function budgets(inquiry: Inquiry): Promise<Check> {
  const all = await inquiry.look.list(podDisruptionBudgets);
  const found = (await inquiry.intoAll(all)).filter(({ severity }) => severity !== 'note');
  if (found.length === 0)
    return check(
      'disruption budgets',
      'ok',
      all.length === 0 ? 'there are none' : `${counted(all.length, 'budget')}, none stands in the way of a drain`,
    );
  return check(
    'disruption budgets',
    'warning',
    `${counted(found.length, 'budget')} ${found.length === 1 ? 'needs' : 'need'} a look`,
    {
      details: found.map(({ subject, what }) => `${argumentOf(subject)}: ${what}`),
      fix: found.flatMap(({ fix }) => fix).slice(0, 3),
    },
  );
}

async function quotas(inquiry: Inquiry): Promise<Check> {
  const full: string[] = [];
  for (const { metadata } of await inquiry.look.list(namespaces)) {
    full.push(...(await fullQuotas(metadata?.name ?? '', inquiry)).map((text) => `${metadata?.name}: quota ${text}`));
  }
  if (full.length === 0) return check('quotas', 'ok', 'no quota is used up');
  return check(
    'quotas',
    'warning',
    `${counted(full.length, 'quota')} used up: nothing more of that can be created there`,
    { details: full, fix: [remedy('Raise them, or free something', 'naru get resourcequotas -A')] },
  );
}

async function requests({ look }: Inquiry): Promise<Check> {
  const all = (await look.list(pods)).filter((pod) => !hasEnded(pod));
  const without = all.filter(
    ({ spec }) => !(spec?.containers ?? []).some(({ resources }) => Object.keys(resources?.requests ?? {}).length > 0),
  );
  if (without.length === 0)
    return check('requests', 'ok', all.length === 0 ? 'no pods run' : 'all pods say what they need');
  return check(
    'requests',
    'hint',
    `${without.length} of ${counted(all.length, 'pod')} ask for no cpu and memory: the scheduler does not know what they need, and they are the first to go when a node is short`,
    {
      details: [listed(without.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`))],
      fix: [remedy('Set resources.requests in their templates; what they use', 'naru top pods -A')],
    },
  );
}
