/**
 * `/healthz`, `/livez`, `/readyz`: `ok`, or which check failed. Their forms are upstream's: `?verbose` lists the checks,
 * `?exclude=NAME` leaves one out, `/readyz/NAME` asks for one. Pure but for the checks themselves.
 */
import { type Answer, textAnswer } from './answer.ts';

export interface HealthCheck {
  readonly name: string;
  /** On which of the three it counts; all where absent. */
  readonly on?: readonly HealthEndpoint[];
  /** False: not healthy. Must be quick. */
  check(): boolean;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

const endpoints: readonly string[] = ['healthz', 'livez', 'readyz'];

const ping: HealthCheck = { name: 'ping', check: () => true };

/** Undefined where the path is none of them, or names a check that there is not. */
export function healthAnswer(
  segments: readonly string[],
  query: URLSearchParams,
  checks: readonly HealthCheck[],
): Answer | undefined {
  const [endpoint = '', only, ...rest] = segments;
  if (!endpoints.includes(endpoint) || rest.length > 0) return undefined;
  const counted = [ping, ...checks].filter(({ on }) => on === undefined || on.includes(endpoint as HealthEndpoint));
  if (only !== undefined) return oneCheck(counted.find(({ name }) => name === only));
  const excluded = new Set(query.getAll('exclude'));
  return report(endpoint, counted, excluded, query.has('verbose'));
}

function oneCheck(check: HealthCheck | undefined): Answer | undefined {
  if (check === undefined) return undefined;
  return check.check() ? textAnswer(200, 'ok') : textAnswer(500, `internal server error: ${check.name} failed\n`);
}

function report(
  endpoint: string,
  checks: readonly HealthCheck[],
  excluded: ReadonlySet<string>,
  verbose: boolean,
): Answer {
  let healthy = true;
  const lines = checks.map((check) => {
    if (excluded.has(check.name)) return `[+]${check.name} excluded: ok`;
    if (check.check()) return `[+]${check.name} ok`;
    healthy = false;
    return `[-]${check.name} failed: reason withheld`;
  });
  if (!healthy) return textAnswer(500, `${[...lines, `${endpoint} check failed`].join('\n')}\n`);
  return textAnswer(200, verbose ? `${[...lines, `${endpoint} check passed`].join('\n')}\n` : 'ok');
}
