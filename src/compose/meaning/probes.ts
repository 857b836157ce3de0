/**
 * `healthcheck` as probes. Compose calls a container unhealthy and leaves it running: so a readiness probe takes it out of its Service, and
 * no liveness probe ends it. During `start_period` failures do not count: a startup probe asks every `start_interval` until the first
 * success, and never gives up, since giving up would restart.
 */
import type { Container, Probe } from '../../api/schema/types/core-v1.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import { type Healthcheck, isOn } from '../model.ts';
import { wholeNumber, wholeSeconds } from './quantities.ts';
import type { Translation } from './translation.ts';

type Probes = Pick<Container, 'readinessProbe' | 'startupProbe'>;

const neverGivesUp = 2 ** 31 - 1;

export function probesOf(healthcheck: Healthcheck | undefined, place: string, translation: Translation): Probes {
  const command = commandOf(healthcheck, translation.where(place));
  if (healthcheck === undefined || command === undefined) return {};
  const { interval = '30s', timeout = '30s', retries = 3, start_period: start, start_interval: often } = healthcheck;
  const whole = (text: string, key: string): number => wholeSeconds(text, translation.where(`${place}.${key}`));
  const common: Probe = { exec: { command }, timeoutSeconds: whole(timeout, 'timeout') };
  const readinessProbe: Probe = {
    ...common,
    periodSeconds: whole(interval, 'interval'),
    failureThreshold: Math.max(1, wholeNumber(retries, translation.where(`${place}.retries`))),
  };
  if (start === undefined && often === undefined) return { readinessProbe };
  const periodSeconds = whole(often ?? '5s', 'start_interval');
  return { readinessProbe, startupProbe: { ...common, periodSeconds, failureThreshold: neverGivesUp } };
}

function commandOf(healthcheck: Healthcheck | undefined, where: string): string[] | undefined {
  const { test = [], disable } = healthcheck ?? {};
  const [kind, ...words] = test;
  if (kind === undefined || kind === 'NONE' || isOn(disable)) return undefined;
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', words.join(' ')];
  throw new ManifestError(`${where}.test must begin with CMD, CMD-SHELL or NONE`);
}

export const hasHealthcheck = ({ test = [], disable }: Healthcheck): boolean =>
  test.length > 0 && test[0] !== 'NONE' && !isOn(disable);
