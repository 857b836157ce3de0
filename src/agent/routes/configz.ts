/** `/configz`: how this agent is set, in the JSON form of upstream's `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1). Pure. */
import { goDuration } from '../../lib/go-duration.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import { jsonAnswer, type Route } from './route.ts';

export function configz(configuration: KubeletConfiguration): Route {
  const kubeletconfig = { enableServer: true, cgroupDriver: 'cgroupfs', ...upstreamForm(configuration) };
  return { path: '/configz', answer: () => Promise.resolve(jsonAnswer({ kubeletconfig })) };
}

/** The longest wait between restarts is a field of its own kind there. */
const renamed: Readonly<Record<string, string>> = { crashLoopBackOffMaxMs: 'crashLoopBackOff' };

/** Names lose their unit; times become Go's durations. */
export function upstreamForm(configuration: KubeletConfiguration): Readonly<Record<string, unknown>> {
  const entries = Object.entries(configuration).map(([name, value]: [string, unknown]) => {
    if (!name.endsWith('Ms')) return [name, value];
    const told = typeof value === 'number' ? goDuration(value) : durations(value as Readonly<Record<string, number>>);
    const known = renamed[name];
    return known === undefined ? [name.slice(0, -2), told] : [known, { maxContainerRestartPeriod: told }];
  });
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>;
}

function durations(times: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(times).map(([key, ms]) => [key, goDuration(ms)]));
}
