/** What containers and pods ask for and may use: names, amounts, and how requests and limits go together. */
import {
  duplicate,
  forbiddenField,
  invalidValue,
  keyPath,
  notFoundValue,
  notSupported,
  required,
} from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type { ResourceClaim, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';
import type { PodOptions } from './pod-options.ts';
import {
  compareAmounts,
  mayBeOvercommitted,
  quantityOf,
  validateContainerResourceName,
  validateNonNegative,
  validateAmount as validateQuantity,
  validateResourceName,
} from './quantities.ts';

type Amounts = Readonly<Record<string, string | number>>;
/** What is wrong with a resource's name at `path`. */
export type ResourceNameRule = (path: string, name: string) => FieldError[];

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

const podResources = ['cpu', 'hugepages-', 'memory'];

export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePages(name);
}

/** What a pod may ask for as a whole. */
export function validatePodResourceName(path: string, name: string): FieldError[] {
  const errors = validateResourceName(path, name);
  return errors.length > 0 || isPodLevelResource(name) ? errors : [notSupported(path, name, podResources)];
}

export function validateRequirements(
  path: string,
  { limits, requests, claims }: ResourceRequirements,
  podClaims: ReadonlySet<string>,
  options: PodOptions,
  nameRule: ResourceNameRule = validateContainerResourceName,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const name in limits)
    errors.push(...validateAmount(`${path}.limits`, name, limits[name] ?? '0', nameRule, options));
  for (const name in requests) {
    const value = requests[name] ?? '0';
    errors.push(
      ...validateAmount(`${path}.requests`, name, value, nameRule, options, () =>
        requestWithinLimit(path, name, value, limits?.[name]),
      ),
    );
  }
  if (usesHugePagesAlone({ ...requests, ...limits })) {
    errors.push(forbiddenField(path, 'HugePages require cpu or memory'));
  }
  if (claims) errors.push(...validateClaimNames(`${path}.claims`, claims, podClaims));
  return errors;
}

function usesHugePagesAlone(amounts: Amounts): boolean {
  if (amounts['cpu'] !== undefined || amounts['memory'] !== undefined) return false;
  return Object.keys(amounts).some(isHugePages);
}

function validateAmount(
  path: string,
  name: string,
  value: string | number,
  nameRule: ResourceNameRule,
  options: PodOptions,
  more: () => FieldError[] = () => [],
): FieldError[] {
  const at = keyPath(path, name);
  const errors = [...nameRule(at, name), ...validateQuantity(at, name, value), ...more()];
  if (isHugePages(name) && !options.tolerated.has('huge pages') && !isWholePages(name, value)) {
    errors.push(invalidValue(at, String(value), `${value} is not positive integer multiple of ${name}`));
  }
  return errors;
}

/** `hugepages-2Mi: 4Mi` are two pages. */
function isWholePages(name: string, value: string | number): boolean {
  const size = quantityOf(name.slice('hugepages-'.length));
  const amount = quantityOf(value);
  if (size === undefined || amount === undefined || size.nano <= 0n || size.nano % nanoPerUnit !== 0n) return false;
  return amount.nano % size.nano === 0n;
}

const nanoPerUnit = 10n ** 9n;

function requestWithinLimit(
  path: string,
  name: string,
  request: string | number,
  limit: string | number | undefined,
): FieldError[] {
  const overcommit = mayBeOvercommitted(name);
  if (limit === undefined) {
    return overcommit ? [] : [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  }
  const order = compareAmounts(request, limit);
  if (order !== 0 && !overcommit) {
    return [invalidValue(`${path}.requests`, String(request), `must be equal to ${name} limit of ${limit}`)];
  }
  if (order <= 0) return [];
  return [invalidValue(`${path}.requests`, String(request), `must be less than or equal to ${name} limit of ${limit}`)];
}

/** Which of the pod's claims a container uses: each as a whole, or requests of it, each once. */
function validateClaimNames(
  path: string,
  claims: readonly ResourceClaim[],
  podClaims: ReadonlySet<string>,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const requestsOf = new Map<string, number>();
  for (const [index, { name, request }] of claims.entries()) {
    const at = `${path}[${index}]`;
    if (!name) {
      errors.push(required(at));
      continue;
    }
    errors.push(...validateClaimUse(at, name, request, seen, requestsOf));
    if (!podClaims.has(name)) errors.push(notFoundValue(at, name, unknownClaim(podClaims)));
  }
  return errors;
}

function validateClaimUse(
  at: string,
  name: string,
  request: string | undefined,
  seen: Set<string>,
  requestsOf: Map<string, number>,
): FieldError[] {
  if (seen.has(name)) return [duplicate(at, name)];
  const key = request ? `${name}/${request}` : name;
  const errors = request ? invalidEach(`${at}.request`, request, isDns1123Label(request)) : [];
  if (seen.has(key)) errors.push(duplicate(at, key));
  else if (request) requestsOf.set(name, (requestsOf.get(name) ?? 0) + 1);
  else for (let count = requestsOf.get(name) ?? 0; count > 0; count--) errors.push(duplicate(at, name));
  seen.add(key);
  return errors;
}

/** As many names as a message shows; upstream shows them all. */
const shownNamesMax = 32;

function unknownClaim(podClaims: ReadonlySet<string>): string {
  const rule = 'must be one of the names in pod.spec.resourceClaims';
  if (podClaims.size === 0) return `${rule} which is empty`;
  return `${rule}: ${[...podClaims].slice(0, shownNamesMax).sort().join(', ')}`;
}

/** For amounts outside containers: `capacity`, `hard`, storage requests. */
export function validateQuantities(path: string, amounts: Amounts | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => validateNonNegative(keyPath(path, name), value));
}
