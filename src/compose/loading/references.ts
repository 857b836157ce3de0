/** Whatever a service names must be there: other services, networks, volumes, configs and secrets. Dependencies must not go in circles. */
import { ManifestError } from '../../manifests/source-object.ts';
import type { Project, Service } from '../model.ts';
import { listOf, mapOf, type TreeMap } from './tree.ts';

/** @param off services that no active profile asks for */
export function checkReferences(project: Project, off: TreeMap): void {
  if (project.services.size === 0 && Object.keys(off).length === 0) {
    throw new ManifestError(`${project.file}: it has no services`);
  }
  for (const [name, service] of project.services) {
    const at = `${project.file}: services.${name}`;
    if (service.image === undefined && service.build === undefined && service.provider === undefined) {
      throw new ManifestError(`${at} needs image or build`);
    }
    checkServices(project, off, service, at);
    checkObjects(project, service, at);
  }
  checkCircles(project);
}

/** `service:NAME` of network_mode, pid and ipc. */
export const joinedService = (mode: string | null | undefined): string | undefined =>
  /^service:(.+)$/.exec(mode ?? '')?.[1];

function checkServices({ services }: Project, off: TreeMap, service: Service, at: string): void {
  const needs = Object.entries(service.depends_on ?? {}).flatMap(([name, { required }]) =>
    required === false ? [] : [[name, 'depends_on'] as const],
  );
  const links = (service.links ?? []).map((link) => [link.split(':')[0] ?? link, 'links'] as const);
  const mounts = (service.volumes_from ?? [])
    .filter((from) => !from.startsWith('container:'))
    .map((from) => [from.split(':')[0] ?? from, 'volumes_from'] as const);
  const joined = (['network_mode', 'pid', 'ipc'] as const).flatMap((key) => {
    const name = joinedService(service[key]);
    return name === undefined ? [] : [[name, key] as const];
  });
  for (const [name, key] of [...needs, ...links, ...mounts, ...joined]) {
    if (services.has(name)) continue;
    const profiles = listOf(mapOf(off[name])['profiles']).map(String);
    const why = name in off ? `is left out: it is for --profile ${profiles.join(' or ')}` : 'does not exist';
    throw new ManifestError(`${at}.${key}: the service ${name} ${why}`);
  }
}

function checkObjects(project: Project, service: Service, at: string): void {
  const missing = (key: string, section: string, name: string): ManifestError =>
    new ManifestError(`${at}.${key}: ${section} has no ${name}; declare it at the file's top level`);
  for (const name of Object.keys(service.networks ?? {})) {
    if (name !== 'default' && !project.networks.has(name)) throw missing('networks', 'networks', name);
  }
  for (const { type, source } of service.volumes ?? []) {
    if (type === 'volume' && source !== undefined && !project.volumes.has(source))
      throw missing('volumes', 'volumes', source);
  }
  for (const { source } of service.configs ?? []) {
    if (!project.configs.has(source)) throw missing('configs', 'configs', source);
  }
  for (const { source } of service.secrets ?? []) {
    if (!project.secrets.has(source)) throw missing('secrets', 'secrets', source);
  }
}

function checkCircles({ services, file }: Project): void {
  const done = new Set<string>();
  const visit = (name: string, chain: readonly string[]): void => {
    if (chain.includes(name)) {
      const round = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
      throw new ManifestError(`${file}: depends_on goes round in a circle: ${round}`);
    }
    if (done.has(name)) return;
    const { depends_on: dependsOn = {}, links = [] } = services.get(name) ?? {};
    for (const next of [...Object.keys(dependsOn), ...links.map((link) => link.split(':')[0] ?? link)]) {
      visit(next, [...chain, name]);
    }
    done.add(name);
  };
  for (const name of services.keys()) visit(name, []);
}
