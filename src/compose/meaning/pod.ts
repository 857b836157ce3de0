/** The pod of a service, with the containers of those who join it (`network_mode: service:NAME`). */
import { dependencyGate, type PodDependency } from '../../api/dependency-gate.ts';
import type {
  HostAlias,
  PodDNSConfig,
  PodSecurityContext,
  PodSpec,
  PodTemplateSpec,
} from '../../api/schema/types/core-v1.ts';
import { isOn, type Service } from '../model.ts';
import { annotationsOf } from './annotations.ts';
import { containerOf } from './container.ts';
import { dnsLabel } from './names.ts';
import { networkLabels } from './networks.ts';
import { placementOf } from './placement.ts';
import { PodVolumes } from './pod-volumes.ts';
import { wholeSeconds } from './quantities.ts';
import { sysctlsOf } from './sysctls.ts';
import type { Translation } from './translation.ts';

export interface PodDraft {
  readonly template: PodTemplateSpec;
  readonly claims: ReadonlySet<string>;
}

/** @param members the service itself first */
export function podOf(members: readonly string[], waits: readonly PodDependency[], translation: Translation): PodDraft {
  const [name = ''] = members;
  const service = translation.service(name);
  const volumes = new PodVolumes();
  const containers = members.map((member) => containerOf(member, volumes, translation));
  const annotations = podAnnotations(members, waits, translation);
  const aliases = aliasLabels(members, translation);
  const securityContext = podSecurity(service, name, translation);
  const spec: PodSpec = {
    ...(waits.length > 0 && { schedulingGates: [{ name: dependencyGate }] }),
    ...namespaces(members, translation),
    ...nameService(service, name, translation),
    ...(service.stop_grace_period !== undefined && {
      terminationGracePeriodSeconds: wholeSeconds(
        service.stop_grace_period,
        translation.where(`services.${name}.stop_grace_period`),
      ),
    }),
    ...(service.runtime !== undefined && { runtimeClassName: runtimeClass(service.runtime, name, translation) }),
    // As in Compose: no token of the cluster's API, and no variables named after other services.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(securityContext && { securityContext }),
    ...placementOf(name, translation),
    containers,
    ...(volumes.all.length > 0 && { volumes: volumes.all }),
  };
  const labels = { ...translation.selector(name), ...networkLabels(name, translation), ...aliases };
  return { template: { metadata: { labels, ...(annotations && { annotations }) }, spec }, claims: volumes.claims };
}

function runtimeClass(runtime: string, name: string, translation: Translation): string {
  translation.note(`services.${name}.runtime`, `a RuntimeClass ${runtime} must be there`);
  return dnsLabel(runtime);
}

function podAnnotations(
  members: readonly string[],
  waits: readonly PodDependency[],
  translation: Translation,
): Record<string, string> | undefined {
  const own = members.map((member) => {
    const { labels, annotations } = translation.service(member);
    return {
      ...annotationsOf(labels, `services.${member}.labels`, translation),
      ...annotationsOf(annotations, `services.${member}.annotations`, translation),
    };
  });
  const all = Object.assign({}, ...own, waits.length > 0 && { [dependencyGate]: JSON.stringify(waits) });
  return Object.keys(all).length === 0 ? undefined : all;
}

/** Two services of one alias are found under it by a label. */
const aliasLabels = (members: readonly string[], translation: Translation): Record<string, string> =>
  Object.fromEntries(
    members.flatMap((member) => aliasesOf(member, translation)).map((alias) => [`alias.naru.io/${alias}`, 'true']),
  );

/** What else a service is called on its networks. */
export function aliasesOf(name: string, translation: Translation): string[] {
  const { networks = {}, container_name: container } = translation.service(name);
  const wanted = [
    ...Object.values(networks).flatMap((each) => each?.aliases ?? []),
    ...(container === undefined ? [] : [container]),
  ];
  const found = new Set(
    wanted.map((alias) => {
      const label = dnsLabel(alias);
      if (label !== alias)
        translation.note(`services.${name}`, `the name ${alias} is no DNS label: others reach it as ${label}`);
      return label;
    }),
  );
  return [...found].filter((alias) => alias !== dnsLabel(name));
}

type Namespaces = Pick<
  PodSpec,
  'hostNetwork' | 'hostPID' | 'hostIPC' | 'shareProcessNamespace' | 'dnsPolicy' | 'hostUsers'
>;

function namespaces(members: readonly string[], translation: Translation): Namespaces {
  const [name = ''] = members;
  const service = translation.service(name);
  const { network_mode: network, pid, ipc, userns_mode: users } = service;
  tellOfModes(members, translation);
  const sharesProcesses = members.some((member) => {
    const each = translation.service(member);
    return isOn(each.init) || each.pid?.startsWith('service:');
  });
  return {
    ...(network === 'host' && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' as const }),
    ...(pid === 'host' && { hostPID: true }),
    ...(ipc === 'host' && { hostIPC: true }),
    ...(users === 'host' && { hostUsers: true }),
    ...(sharesProcesses && pid !== 'host' && { shareProcessNamespace: true }),
  };
}

const known: Readonly<Record<'network_mode' | 'pid' | 'ipc' | 'userns_mode', readonly string[]>> = {
  network_mode: ['host', 'none', 'bridge', 'default'],
  pid: ['host', 'private'],
  ipc: ['host', 'private', 'shareable', 'none'],
  userns_mode: ['host'],
};

function tellOfModes(members: readonly string[], translation: Translation): void {
  for (const member of members) {
    const service = translation.service(member);
    for (const key of Object.keys(known) as (keyof typeof known)[]) {
      const mode = service[key];
      if (!mode || known[key].includes(mode) || mode.startsWith('service:')) continue;
      translation.note(`services.${member}.${key}`, `${mode} is not carried over`);
    }
    if (service.network_mode === 'none') {
      translation.note(
        `services.${member}.network_mode`,
        'the pod has an address all the same; a policy lets nothing in or out',
      );
    }
  }
}

type Names = Pick<PodSpec, 'hostname' | 'hostAliases' | 'dnsConfig'>;

function nameService(service: Service, name: string, translation: Translation): Names {
  const { hostname } = service;
  const isLabel = hostname !== undefined && dnsLabel(hostname) === hostname;
  if (hostname !== undefined && !isLabel) {
    translation.note(`services.${name}.hostname`, `${hostname} is not carried over: a pod's host name is a DNS label`);
  }
  const hostAliases = hostAliasesOf(service, name, translation);
  const dnsConfig = dnsConfigOf(service, name, translation);
  return {
    ...(isLabel && { hostname }),
    ...(hostAliases.length > 0 && { hostAliases }),
    ...(dnsConfig && { dnsConfig }),
  };
}

function hostAliasesOf({ extra_hosts: hosts = {} }: Service, name: string, translation: Translation): HostAlias[] {
  const byAddress = new Map<string, string[]>();
  for (const [host, addresses] of Object.entries(hosts)) {
    for (const ip of addresses) {
      if (ip === 'host-gateway') {
        translation.note(
          `services.${name}.extra_hosts`,
          `${host}: host-gateway is not carried over: a pod's machine is one of many; name an address`,
        );
      } else {
        byAddress.set(ip, [...(byAddress.get(ip) ?? []), host]);
      }
    }
  }
  return [...byAddress].map(([ip, hostnames]) => ({ ip, hostnames }));
}

/** As many as a pod may have. */
const nameserversMax = 3;

function dnsConfigOf(
  { dns = [], dns_search: searches = [], dns_opt: texts = [] }: Service,
  name: string,
  translation: Translation,
): PodDNSConfig | undefined {
  const nameservers = dns.slice(0, nameserversMax);
  if (dns.length > 0) {
    const others = dns.length > nameserversMax ? ', and no more than three' : '';
    translation.note(
      `services.${name}.dns`,
      `these servers are asked where the cluster's own does not answer${others}`,
    );
  }
  const options = texts.map((text) => {
    const [option = '', value] = text.split(':');
    return { name: option, ...(value !== undefined && { value }) };
  });
  if (nameservers.length + searches.length + options.length === 0) return undefined;
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(searches.length > 0 && { searches }),
    ...(options.length > 0 && { options }),
  };
}

function podSecurity(service: Service, name: string, translation: Translation): PodSecurityContext | undefined {
  const groups = (service.group_add ?? []).flatMap((group) => {
    if (/^\d+$/.test(String(group))) return [Number(group)];
    translation.note(`services.${name}.group_add`, `${group} is a name: Kubernetes takes numbers only`);
    return [];
  });
  const sysctls = sysctlsOf(name, translation);
  if (groups.length + sysctls.length === 0) return undefined;
  return {
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...(sysctls.length > 0 && { sysctls }),
  };
}
