/** Services that answer nothing: from the selector over the pods and their ports to the policies that forbid, in the order in which a connection would fail. */
import type { Pod, Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { matchLabels } from '../../api/selector.ts';
import { deployments, endpointSlices, pods, statefulSets } from '../../client/resources.ts';
import { nearest } from '../../lib/near-words.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, shortName, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { containersOf, hasEnded, isReady } from '../pods/containers.ts';
import { counted, labelsText, listed, meant } from '../words.ts';
import { forbiddingPolicies } from './policies.ts';

export async function serviceRules(service: Service, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (service.metadata?.deletionTimestamp !== undefined) return [];
  const { type, selector, externalName, ports = [] } = service.spec ?? {};
  if (type === 'ExternalName') return externalNameFindings(service, externalName ?? '');
  const findings = type === 'LoadBalancer' ? await pendingBalancer(service, inquiry) : [];
  if (Object.keys(selector ?? {}).length === 0) return [...findings, ...(await withoutSelector(service, inquiry))];
  const namespace = service.metadata?.namespace ?? '';
  const matcher = matchLabels(selector ?? {});
  const all = await inquiry.look.list(pods, namespace);
  const own = all.filter((pod) => matcher.matches(pod.metadata?.labels) && !hasEnded(pod));
  if (own.length === 0) {
    return [...findings, (await scaledToNothing(service, inquiry)) ?? (await selectsNothing(service, all))];
  }
  findings.push(...(await notReady(service, own, inquiry)));
  for (const port of ports) findings.push(...wrongPort(service, port, own));
  findings.push(...(await forbiddingPolicies(service, own, inquiry)));
  if (service.spec?.clusterIP === 'None' && findings.length > 0) {
    findings.push(
      finding(
        service,
        'Headless',
        'it has no address of its own (headless): its name resolves to the addresses of its ready pods',
        {
          severity: 'note',
          why: ['spec.clusterIP: None'],
        },
      ),
    );
  }
  return findings;
}

const externalNameFindings = (service: Service, name: string): readonly Finding[] => [
  finding(service, 'ExternalName', `it is only another name for ${name}: nothing in this cluster answers for it`, {
    severity: 'note',
    why: ['spec.type: ExternalName; its ports and selector count for nothing'],
    fix: [remedy('Look whether that name resolves, and takes requests whose Host is this Service’s name')],
  }),
];

async function pendingBalancer(service: Service, inquiry: Inquiry): Promise<Finding[]> {
  if ((service.status?.loadBalancer?.ingress ?? []).length > 0) return [];
  const events = (await inquiry.events(service)).filter(({ type }) => type === 'Warning');
  return [
    finding(service, 'LoadBalancerPending', 'it has no address for the outside yet', {
      severity: 'warning',
      why: ['status.loadBalancer is empty', ...events.slice(0, 2).map((event) => eventLine(event, inquiry.nowMs))],
      fix: [
        remedy(
          'Its address is a node’s that is Ready and open to users, or one of a pool in the ConfigMap naru-network in kube-system',
          'naru status',
        ),
        service.spec?.loadBalancerClass === undefined
          ? undefined
          : remedy(`It names loadBalancerClass ${service.spec.loadBalancerClass}: whoever serves that class must run`),
      ],
    }),
  ];
}

/** Of naru itself: every node answers for them, without endpoints. */
const ownServices: ReadonlySet<string> = new Set(['kube-system/kube-dns', 'default/kubernetes']);

async function withoutSelector(service: Service, { look }: Inquiry): Promise<readonly Finding[]> {
  const { name = '', namespace = '' } = service.metadata ?? {};
  if (ownServices.has(`${namespace}/${name}`)) return [];
  const slices = (await look.list(endpointSlices, namespace)).filter(
    ({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name,
  );
  if (slices.some(({ endpoints = [] }) => endpoints.length > 0)) return [];
  return [
    finding(service, 'NoSelector', 'it has no selector, and nobody has given it addresses', {
      why: ['spec.selector is empty, and no EndpointSlice names it'],
      fix: [
        remedy(
          'Add a selector that matches the pods’ labels, or EndpointSlices with addresses of the outside',
          `naru edit ${argumentOf(subjectOf(service))}`,
        ),
      ],
    }),
  ];
}

/** Its pods are meant, and somebody wants none of them now. */
async function scaledToNothing(service: Service, { look }: Inquiry): Promise<Finding | undefined> {
  const namespace = service.metadata?.namespace ?? '';
  const matcher = matchLabels(service.spec?.selector ?? {});
  const workloads = [...(await look.list(deployments, namespace)), ...(await look.list(statefulSets, namespace))];
  const idle = workloads.find(
    ({ spec }) => spec?.replicas === 0 && matcher.matches(spec.template.metadata?.labels ?? {}),
  );
  if (idle === undefined) return undefined;
  const subject = subjectOf(idle);
  return finding(service, 'ScaledToNothing', `${shortName(subject)}, whose pods it leads to, is scaled to 0`, {
    why: [`spec.replicas of ${shortName(subject)} is 0`],
    fix: [remedy('Scale it', `naru scale ${argumentOf(subject)} --replicas=1`)],
  });
}

async function selectsNothing(service: Service, all: readonly Pod[]): Promise<Finding> {
  const selector = service.spec?.selector ?? {};
  const pairs = Object.entries(selector);
  const scored = all
    .filter((pod) => !hasEnded(pod))
    .map((pod) => ({ pod, fits: pairs.filter(([key, value]) => pod.metadata?.labels?.[key] === value).length }));
  const best = scored.toSorted((a, b) => b.fits - a.fits)[0];
  const isNear =
    best !== undefined &&
    (best.fits > 0 ||
      pairs.some(([key, value]) => nearest(value, [best.pod.metadata?.labels?.[key] ?? '']) !== undefined));
  const near = isNear ? best.pod : undefined;
  const labels = near?.metadata?.labels;
  const differing = pairs.filter(([key, value]) => labels?.[key] !== value);
  const namespace = service.metadata?.namespace;
  return finding(
    service,
    'SelectsNothing',
    `no pod in namespace ${namespace} has the labels ${labelsText(selector)} that its selector asks for`,
    {
      why: [
        near === undefined
          ? `${counted(scored.length, 'pod')} in the namespace, none with such labels`
          : `the nearest is pod ${near.metadata?.name} with the labels ${labelsText(labels)}: it differs in ${listed(differing.map(([key]) => key))}`,
      ],
      fix: [
        near === undefined
          ? remedy(
              'Start the pods that shall answer, or correct the selector',
              `naru get pods -n ${namespace} --show-labels`,
            )
          : remedy(
              'Make the selector match the pods’ labels',
              `naru edit ${argumentOf(subjectOf(service))}    # selector: ${differing.map(([key]) => `${key}: ${labels?.[key] ?? '(absent)'}`).join(', ')}`,
            ),
      ],
    },
  );
}

async function notReady(service: Service, own: readonly Pod[], inquiry: Inquiry): Promise<Finding[]> {
  const broken = own.filter((pod) => !isReady(pod) || pod.metadata?.deletionTimestamp !== undefined);
  const ready = own.length - broken.length;
  if (broken.length === 0 || (ready === 0 && service.spec?.publishNotReadyAddresses === true)) return [];
  const causes = (await inquiry.intoAll(broken.slice(0, 20))).filter(isProblem);
  if (ready > 0 && causes.length === 0) return [];
  const text =
    ready === 0
      ? `none of its ${counted(own.length, 'pod')} is ready: it answers nothing`
      : `${ready} of ${counted(own.length, 'pod')} ${ready === 1 ? 'answers' : 'answer'} for it`;
  return [
    finding(service, ready === 0 ? 'NoReadyPods' : 'SomePodsNotReady', text, {
      severity: ready === 0 ? 'problem' : 'warning',
      why: [
        `pods that match ${labelsText(service.spec?.selector)}: ${listed(own.map((pod) => `${pod.metadata?.name} (${isReady(pod) ? 'ready' : 'not ready'})`))}`,
      ],
      causes,
      fix: causes.length > 0 ? [] : [remedy('Look at the pods', `naru why ${argumentOf(subjectOf(broken[0] as Pod))}`)],
    }),
  ];
}

function wrongPort(service: Service, port: ServicePort, own: readonly Pod[]): readonly Finding[] {
  const { port: number, targetPort = number, protocol = 'TCP' } = port;
  const opened = own.flatMap((pod) => containersOf(pod).flatMap(({ container }) => container.ports ?? []));
  if (opened.length === 0 && typeof targetPort === 'number') return [];
  const edit = `naru edit ${argumentOf(subjectOf(service))}`;
  const texts = [
    ...new Set(
      opened.map(
        (one) =>
          `${one.containerPort}${one.name ? ` (${one.name})` : ''}${one.protocol && one.protocol !== 'TCP' ? `/${one.protocol}` : ''}`,
      ),
    ),
  ];
  const declared = texts.length === 0 ? 'its pods declare no ports' : `its pods declare ${listed(texts)}`;
  if (typeof targetPort === 'string' && !/^\d+$/.test(targetPort)) {
    const names = opened.flatMap(({ name }) => (name ? [name] : []));
    const found = opened.find(({ name }) => name === targetPort);
    if (found !== undefined && (found.protocol ?? 'TCP') === protocol) return [];
    if (found !== undefined) return [protocolFinding(service, port, found.protocol ?? 'TCP', declared)];
    return [
      finding(
        service,
        'TargetPortMissing',
        `port ${number} leads to a port named "${targetPort}", which no container of its pods has${meant(targetPort, names)}`,
        {
          why: [declared],
          fix: [remedy('Correct targetPort, or name the port in the containers’ ports', edit)],
        },
      ),
    ];
  }
  const target = Number(targetPort);
  const same = opened.filter(({ containerPort }) => containerPort === target);
  if (same.length === 0) {
    return [
      finding(
        service,
        'TargetPortNotDeclared',
        `port ${number} leads to port ${target} of its pods, which none of them declares`,
        {
          severity: 'warning',
          why: [declared, 'a port that is not declared may be open all the same; this one is probably not'],
          fix: [remedy('Correct targetPort', edit)],
        },
      ),
    ];
  }
  if (same.some((one) => (one.protocol ?? 'TCP') === protocol)) return [];
  return [protocolFinding(service, port, same[0]?.protocol ?? 'TCP', declared)];
}

const protocolFinding = (
  service: Service,
  { port, protocol = 'TCP' }: ServicePort,
  opened: string,
  why: string,
): Finding =>
  finding(service, 'WrongProtocol', `port ${port} is for ${protocol}, and its pods speak ${opened} there`, {
    why: [why],
    fix: [remedy(`Set protocol: ${opened}`, `naru edit ${argumentOf(subjectOf(service))}`)],
  });
