/** A container's configuration with what its devices need. What the pod itself says of a variable, a path or an annotation holds. Pure. */
import type { ContainerConfig } from '../runtime.ts';
import type { DeviceAccess } from './device-plugin.ts';

export function withAccess(config: ContainerConfig, accesses: readonly DeviceAccess[]): ContainerConfig {
  if (accesses.length === 0) return config;
  const env = new Map(accesses.flatMap(({ envs }) => Object.entries(envs)));
  for (const { name } of config.env) env.delete(name);
  const mounts = firstOfPath([...config.mounts, ...accesses.flatMap((access) => access.mounts)]);
  const devices = firstOfPath([...(config.devices ?? []), ...accesses.flatMap((access) => access.devices)]);
  const cdiDevices = [...new Set([...(config.cdiDevices ?? []), ...accesses.flatMap((access) => access.cdiDevices)])];
  return {
    ...config,
    env: [...[...env].map(([name, value]) => ({ name, value })), ...config.env],
    mounts,
    annotations: { ...Object.assign({}, ...accesses.map(({ annotations }) => annotations)), ...config.annotations },
    ...(devices.length > 0 && { devices }),
    ...(cdiDevices.length > 0 && { cdiDevices }),
  };
}

function firstOfPath<T extends { readonly containerPath: string }>(items: readonly T[]): readonly T[] {
  const byPath = new Map<string, T>();
  for (const item of items) if (!byPath.has(item.containerPath)) byPath.set(item.containerPath, item);
  return [...byPath.values()];
}
