/** Ingresses that answer 404 or 503: who serves the class, what stands behind each path, what of its annotations was not taken. */
import { ingressClassName, isServedIngress } from '../../api/ingress-classes.ts';
import type { Ingress, IngressBackend } from '../../api/schema/types/networking-v1.ts';
import { ingressClasses, services } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { listed, meant } from '../words.ts';
import { tlsFindings } from './tls.ts';

export async function ingressRules(ingress: Ingress, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (ingress.metadata?.deletionTimestamp !== undefined) return [];
  const findings = [...(await unserved(ingress, inquiry))];
  const { rules = [], defaultBackend, tls = [] } = ingress.spec ?? {};
  if (defaultBackend !== undefined)
    findings.push(...(await backend(ingress, defaultBackend, 'everything else', inquiry)));
  for (const { host = '', http } of rules) {
    for (const { path = '/', backend: one } of http?.paths ?? []) {
      findings.push(...(await backend(ingress, one, `${host || 'any host'}${path}`, inquiry)));
    }
  }
  const namespace = ingress.metadata?.namespace ?? '';
  for (const { hosts = [], secretName } of tls) {
    if (secretName) findings.push(...(await tlsFindings(ingress, namespace, secretName, hosts, inquiry)));
  }
  return [...findings, ...(await complaints(ingress, findings, inquiry))];
}

async function unserved(ingress: Ingress, { look }: Inquiry): Promise<readonly Finding[]> {
  const classes = await look.list(ingressClasses);
  const name = ingressClassName(ingress);
  const names = classes.map(({ metadata }) => metadata?.name ?? '');
  const find = (wanted: string) => classes.find(({ metadata }) => metadata?.name === wanted);
  if (isServedIngress(ingress, find)) return [];
  const edit = `naru edit ${argumentOf(subjectOf(ingress))}`;
  if (name === undefined) {
    return [
      finding(
        ingress,
        'NoIngressClass',
        'nobody serves it: it names no class, and there was no default class when it was created',
        {
          why: [`classes: ${listed(names) || 'none'}`],
          fix: [remedy('Set ingressClassName: naru', edit)],
        },
      ),
    ];
  }
  const controller = find(name)?.spec?.controller;
  if (controller === undefined) {
    return [
      finding(
        ingress,
        'IngressClassMissing',
        `nobody serves it: there is no IngressClass "${name}"${meant(name, names)}`,
        {
          why: [`classes: ${listed(names) || 'none'}`],
          fix: [remedy('Set ingressClassName: naru, or install the controller of that class', edit)],
        },
      ),
    ];
  }
  return [
    finding(ingress, 'OtherController', `its class "${name}" is served by ${controller}, not by naru`, {
      severity: 'note',
      why: [`IngressClass ${name}: spec.controller ${controller}`],
      fix: [
        remedy('Look whether that controller runs', 'naru get pods -A'),
        remedy('Or let naru serve it: ingressClassName: naru', edit),
      ],
    }),
  ];
}

async function backend(
  ingress: Ingress,
  { service: reference, resource }: IngressBackend,
  place: string,
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const namespace = ingress.metadata?.namespace ?? '';
  if (reference === undefined) {
    const what = resource === undefined ? 'names no Service' : `leads to a ${resource.kind}, which is not served`;
    return [
      finding(ingress, 'NoBackend', `${place} ${what}: it answers 503`, {
        fix: [remedy('Name a Service', `naru edit ${argumentOf(subjectOf(ingress))}`)],
      }),
    ];
  }
  const { name, port } = reference;
  const service = await inquiry.look.get(services, { namespace, name });
  if (service === undefined) {
    const names = (await inquiry.look.list(services, namespace)).map(({ metadata }) => metadata?.name ?? '');
    return [
      finding(
        ingress,
        'ServiceMissing',
        `${place} leads to Service "${name}", which does not exist in namespace ${namespace}${meant(name, names)}: it answers 503`,
        {
          why: [`Services there: ${listed(names) || 'none'}`, 'an Ingress reaches only Services of its own namespace'],
          fix: [remedy('Create the Service, or correct its name', `naru edit ${argumentOf(subjectOf(ingress))}`)],
        },
      ),
    ];
  }
  const ports = service.spec?.ports ?? [];
  if (!ports.some((one) => (port?.name ? one.name === port.name : one.port === port?.number))) {
    return [
      finding(
        ingress,
        'ServicePortMissing',
        `${place} leads to port ${port?.name ?? port?.number} of Service "${name}", which has no such port: it answers 503`,
        {
          why: [`its ports: ${listed(ports.map((one) => `${one.port}${one.name ? ` (${one.name})` : ''}`))}`],
          fix: [
            remedy(
              'Name one of those: the Service’s port, not the container’s',
              `naru edit ${argumentOf(subjectOf(ingress))}`,
            ),
          ],
        },
      ),
    ];
  }
  const causes = (await inquiry.into(service)).filter(isProblem);
  if (causes.length === 0) return [];
  return [
    finding(ingress, 'BackendDown', `${place} answers 503: Service "${name}" has nobody who answers`, { causes }),
  ];
}

/** What the gateway said of it and no rule above has found. */
async function complaints(ingress: Ingress, found: readonly Finding[], inquiry: Inquiry): Promise<readonly Finding[]> {
  const known: ReadonlySet<string> = new Set(['ServiceNotFound', 'ServicePortNotFound', 'IngressClassNotFound']);
  const events = (await inquiry.events(ingress)).filter(
    ({ type, reason = '' }) => type === 'Warning' && !(found.some(isProblem) && known.has(reason)),
  );
  const byMessage = new Map(events.map((event) => [`${event.reason} ${event.message}`, event]));
  return [...byMessage.values()].slice(0, 5).map((event) =>
    finding(ingress, event.reason ?? 'Warning', `the gateway says: ${(event.message ?? '').slice(0, 300)}`, {
      severity: 'warning',
      why: [eventLine(event, inquiry.nowMs)],
      fix: [remedy('Correct what it names', `naru edit ${argumentOf(subjectOf(ingress))}`)],
    }),
  );
}
