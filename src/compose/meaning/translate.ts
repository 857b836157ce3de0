/**
 * A project as objects, in the order in which they are applied: what pods read, then who reaches them, then the workloads, those first that
 * others wait for. Pure: what must be known of this machine was found out before (`surroundings.ts`).
 */
import type { KubeObject } from '../../api/object.ts';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { Application, SourceObject } from '../../deploy/application.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import type { Project } from '../model.ts';
import { claims } from './claims.ts';
import { contentObjects } from './contents.ts';
import { dependenciesOf, waitsOf } from './dependencies.ts';
import { recipesOf } from './images.ts';
import { lostKeys } from './lost-keys.ts';
import { dnsLabel } from './names.ts';
import { isPublished, policies } from './networks.ts';
import { aliasesOf, podOf } from './pod.ts';
import { aliasService, isOnHost, servicesOf } from './ports.ts';
import { type Surroundings, Translation } from './translation.ts';
import { type Workload, workloadOf } from './workload.ts';

type Placed = readonly [KubeObject, string];

/** @throws ManifestError */
export function translate(project: Project, surroundings: Surroundings): Application {
  const translation = new Translation(project, surroundings);
  const names = [...project.services.keys()].filter((name) => project.services.get(name)?.provider === undefined);
  checkNames(names, translation);
  const { workloads, claimsUsed } = allWorkloads(names, translation);
  const services = names.flatMap((name) =>
    servicesOf(name, translation).filter(
      ([service]) => service.spec?.type === undefined || isPublished(name, translation),
    ),
  );
  const placed: Placed[] = [
    ...contentObjects(translation),
    ...claims(claimsUsed, translation),
    ...policies(translation),
    ...services,
    ...aliases(names, services, translation),
    ...workloads,
  ];
  tellOfSharedPorts(names, translation);
  const objects = placed.map(([object, place]): SourceObject => ({ object, from: `${project.file}: ${place}` }));
  const images = recipesOf(translation);
  return {
    name: project.name,
    objects,
    images,
    notes: [...project.notes, ...translation.notes, ...lostKeys(project.tree)],
  };
}

/** Names that differ in Compose and would be one in Kubernetes are a fault; those that change are told. */
function checkNames(names: readonly string[], translation: Translation): void {
  const taken = new Map<string, string>();
  for (const name of names) {
    const label = dnsLabel(name);
    const other = taken.get(label);
    if (other !== undefined) {
      throw new ManifestError(
        `${translation.where(`services.${name}`)}: ${other} and ${name} would both be called ${label}; rename one of them`,
      );
    }
    taken.set(label, name);
    if (label !== name)
      translation.note(
        `services.${name}`,
        `${name} is no DNS label: the service is called ${label}, and others reach it so`,
      );
  }
}

interface Workloads {
  readonly workloads: readonly Placed[];
  readonly claimsUsed: ReadonlySet<string>;
}

/** Those first that others wait for: a Job's name is known only when it is made. */
function allWorkloads(names: readonly string[], translation: Translation): Workloads {
  const made = new Map<string, Workload>();
  const claimsUsed = new Set<string>();
  const under = new Set<string>();
  const make = (host: string): void => {
    if (made.has(host)) return;
    if (under.has(host)) {
      throw new ManifestError(
        `${translation.where(`services.${host}.depends_on`)} goes round in a circle through services that share a pod`,
      );
    }
    under.add(host);
    const members = [host, ...names.filter((name) => name !== host && translation.host(name) === host)];
    const needed = members.flatMap((member) =>
      [...dependenciesOf(member, translation).keys()].map((name) => translation.host(name)),
    );
    for (const other of needed) if (!members.includes(other) && names.includes(other)) make(other);
    const waits = waitsOf(members, translation, (service) => made.get(service)?.metadata?.name ?? dnsLabel(service));
    const pod = podOf(members, waits, translation);
    for (const claim of pod.claims) claimsUsed.add(claim);
    made.set(host, workloadOf(members, pod, translation));
  };
  for (const name of names) make(translation.host(name));
  return { workloads: [...made].map(([name, workload]) => [workload, `services.${name}`] as const), claimsUsed };
}

/** Names that lead to a service besides its own; one that several services have leads to all of them. */
function aliases(names: readonly string[], services: readonly Placed[], translation: Translation): Placed[] {
  const taken = new Set(services.map(([service]) => service.metadata?.name));
  const owners = new Map<string, string[]>();
  for (const name of names) {
    const { links = [] } = translation.service(name);
    for (const alias of aliasesOf(name, translation)) owners.set(alias, [...(owners.get(alias) ?? []), name]);
    for (const [target = '', alias] of links.map((link) => link.split(':'))) {
      if (alias === undefined || dnsLabel(alias) === dnsLabel(target)) continue;
      const label = dnsLabel(alias);
      translation.note(`services.${name}.links`, `${label} leads to ${target} for all services, not only for ${name}`);
      owners.set(label, [...new Set([...(owners.get(label) ?? []), target])]);
    }
  }
  return [...owners].flatMap(([alias, [owner = '', ...others]]): (readonly [Service, string])[] => {
    if (taken.has(alias)) {
      translation.note(`services.${owner}`, `the alias ${alias} is the name of a service: it leads to that one only`);
      return [];
    }
    const service = aliasService(alias, owner, translation);
    const { ports: _, selector: __, ...rest } = service.spec ?? {};
    const shared = {
      ...rest,
      selector: { [`alias.naru.io/${alias}`]: 'true', 'app.kubernetes.io/part-of': translation.partOf },
    };
    return [[others.length === 0 ? service : { ...service, spec: shared }, `services.${owner}`]];
  });
}

function tellOfSharedPorts(names: readonly string[], translation: Translation): void {
  const owners = new Map<string, string>();
  for (const name of names) {
    for (const port of (translation.service(name).ports ?? []).filter((each) => !isOnHost(each))) {
      if (port.published === undefined) continue;
      const key = `${port.published}/${port.protocol}`;
      const other = owners.get(key);
      if (other !== undefined && other !== name) {
        translation.note(`services.${name}.ports`, `${key} is published by ${other}, too: only one of them gets it`);
      }
      owners.set(key, other ?? name);
    }
  }
}
