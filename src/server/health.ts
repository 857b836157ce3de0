/**
 * `/healthz`, `/livez`, `/readyz`: `ok`, or which check failed. Their forms are upstream's: `?verbose` lists the checks,
 * `?exclude=NAME` leaves one out, `/readyz/NAME` asks for one. Pure but for the checks themselves.
 */
import { type Answer, textAnswer } from './answer.ts';

export interface HealthCheck {
  readonly name: string;
  /** On which of the three it counts; all where absent. */
  readonly on?: readonly HealthEndpoint[];
  /** Undefined: healthy. Otherwise why not, for those who may ask for one check. Must be quick. */
  check(): string | undefined;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

/** Told of each check that is made for one of the three as a whole. */
export type HealthObserver = (name: string, endpoint: HealthEndpoint, isHealthy: boolean) => void;

const endpoints: readonly string[] = ['healthz', 'livez', 'readyz'] satisfies HealthEndpoint[];

const ping: HealthCheck = { name: 'ping', check: () => undefined };

/** Undefined where the path is none of them, or names a check that there is not. */
export function healthAnswer(
  segments: readonly string[],
  query: URLSearchParams,
  checks: readonly HealthCheck[],
  observe: HealthObserver = () => {},
): Answer | undefined {
  const [endpoint = '', ...name] = segments;
  if (!isEndpoint(endpoint)) return undefined;
  const counted = checksOf(endpoint, checks);
  // A check's name may have slashes.
  if (name.length > 0) return oneCheck(counted.find((check) => check.name === name.join('/')));
  const observed = counted.map((check) => ({
    name: check.name,
    problem: () => observedProblem(check, endpoint, observe),
  }));
  return report(endpoint, observed, new Set(query.getAll('exclude')), query.has('verbose'));
}

/** The path of each of them, for the list of all paths. */
export function healthPaths(checks: readonly HealthCheck[]): string[] {
  return endpoints.flatMap((endpoint) => [
    `/${endpoint}`,
    ...checksOf(endpoint as HealthEndpoint, checks).map(({ name }) => `/${endpoint}/${name}`),
  ]);
}

function isEndpoint(text: string): text is HealthEndpoint {
  return endpoints.includes(text);
}

function checksOf(endpoint: HealthEndpoint, checks: readonly HealthCheck[]): HealthCheck[] {
  return [ping, ...checks].filter(({ on }) => on === undefined || on.includes(endpoint));
}

function observedProblem(check: HealthCheck, endpoint: HealthEndpoint, observe: HealthObserver): string | undefined {
  const problem = check.check();
  observe(check.name, endpoint, problem === undefined);
  return problem;
}

function oneCheck(check: HealthCheck | undefined): Answer | undefined {
  if (check === undefined) return undefined;
  const problem = check.check();
  return problem === undefined ? textAnswer(200, 'ok') : textAnswer(500, `internal server error: ${problem}\n`);
}

interface NamedProblem {
  readonly name: string;
  problem(): string | undefined;
}

function report(
  endpoint: string,
  checks: readonly NamedProblem[],
  excluded: ReadonlySet<string>,
  verbose: boolean,
): Answer {
  let healthy = true;
  const lines = checks.map(({ name, problem }) => {
    if (excluded.has(name)) return `[+]${name} excluded: ok`;
    if (problem() === undefined) return `[+]${name} ok`;
    healthy = false;
    return `[-]${name} failed: reason withheld`;
  });
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name)).sort();
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (!healthy) return textAnswer(500, `${[...lines, `${endpoint} check failed`].join('\n')}\n`);
  return textAnswer(200, verbose ? `${[...lines, `${endpoint} check passed`].join('\n')}\n` : 'ok');
}
