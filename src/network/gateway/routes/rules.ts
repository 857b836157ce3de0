/**
 * A route's rules as the plan has them: what they match, what is done, where requests go; and what is wrong with them. Pure.
 *
 * Kept true: what a rule asks for in vain is never left out in silence. Its requests get 500, and other rules do not get them instead.
 */
import { parseGatewayDuration } from '../../../api/gateway-duration.ts';
import type {
  GRPCBackendRef,
  GRPCRoute,
  GRPCRouteRule,
  HTTPBackendRef,
  HTTPRoute,
  HTTPRouteRule,
  L4RouteRule,
  TCPRoute,
} from '../../../api/schema/types/gateway-v1.ts';
import type { Action, Certificate, Filter, ForwardOptions, RouteMatch, Source, Target } from '../plan.ts';
import type { Backends, BackendWish } from './backends.ts';
import { type Place, readFilters } from './filters.ts';
import { type ReadMatch, readGrpcMatch, readHttpMatch } from './matches.ts';
import { type AnyRoute, bad, good, type RouteKind, type Verdict } from './objects.ts';

/** Requests whose backends cannot be reached because the route says nothing that leads anywhere. */
const unresolvedStatus = 500;

export interface RuleContext {
  readonly kind: RouteKind;
  readonly source: Source;
  readonly place: Place;
  readonly backends: Backends;
  readonly isPassedOn: boolean;
  readonly clientCertificate?: Certificate | undefined;
}

export interface ReadRule {
  readonly ruleIndex: number;
  readonly matchIndex: number;
  readonly match: RouteMatch;
  readonly precedence: readonly number[];
  readonly filters: readonly Filter[];
  readonly action: Action;
}

export interface ReadRules {
  /** Of HTTPRoutes and GRPCRoutes. */
  readonly rules: readonly ReadRule[];
  /** Of the others. */
  readonly targets: readonly Target[];
  /** Of all references: the first problem. */
  readonly refs: Verdict;
  /** What is not supported, by rule. */
  readonly faults: readonly { readonly rule: number; readonly message: string }[];
  /** No rule is left: the route is not accepted. */
  readonly isWhollyFaulty: boolean;
}

export function readRules(route: AnyRoute, context: RuleContext): ReadRules {
  const work = new RuleWork(context);
  if (context.kind === 'HTTPRoute') {
    for (const [index, rule] of ((route as HTTPRoute).spec.rules ?? []).entries()) work.http(rule, index);
  } else if (context.kind === 'GRPCRoute') {
    for (const [index, rule] of ((route as GRPCRoute).spec.rules ?? [{}]).entries()) work.grpc(rule, index);
  } else {
    for (const [index, rule] of (route as TCPRoute).spec.rules.entries()) work.connections(rule, index);
  }
  return work.result();
}

class RuleWork {
  readonly #context: RuleContext;
  readonly #rules: ReadRule[] = [];
  readonly #targets: Target[] = [];
  readonly #faults: { rule: number; message: string }[] = [];
  readonly #refs: Verdict[] = [];
  #count = 0;

  constructor(context: RuleContext) {
    this.#context = context;
  }

  result(): ReadRules {
    const faulty = new Set(this.#faults.map(({ rule }) => rule));
    return {
      rules: this.#rules,
      targets: this.#targets,
      refs: this.#refs.find(({ isGood }) => !isGood) ?? good('ResolvedRefs', 'All references are resolved'),
      faults: this.#faults,
      isWhollyFaulty: this.#count > 0 && faulty.size === this.#count,
    };
  }

  http(rule: HTTPRouteRule, index: number): void {
    const matches = rule.matches?.length ? rule.matches : [{}];
    this.#requests(rule, index, matches, readHttpMatch, timeouts(rule));
  }

  grpc(rule: GRPCRouteRule, index: number): void {
    const matches = rule.matches?.length ? rule.matches : [{}];
    this.#requests(rule, index, matches, readGrpcMatch);
  }

  /** A connection is not told apart from others: the first rule is for all. */
  connections({ backendRefs }: L4RouteRule, index: number): void {
    this.#count++;
    const targets = backendRefs.map((each, number) =>
      this.#target(each, `spec.rules[${index}].backendRefs[${number}]`, index),
    );
    if (index === 0) this.#targets.push(...targets);
  }

  #requests<M>(
    { filters, backendRefs = [] }: HTTPRouteRule | GRPCRouteRule,
    index: number,
    matches: readonly M[],
    read: (match: M) => ReadMatch,
    options?: ForwardOptions,
  ): void {
    this.#count++;
    const at = `spec.rules[${index}]`;
    const own = readFilters(filters, { ...this.#filterWork(at), isOfBackend: false });
    const targets = backendRefs.map((each, number) => this.#target(each, `${at}.backendRefs[${number}]`, index));
    this.#refs.push(...own.refs);
    for (const message of own.faults) this.#faults.push({ rule: index, message });
    const known = matches.map((match, number) => this.#match(() => read(match), `${at}.matches[${number}]`, index));
    const isStopped = own.isStopped || this.#faults.some(({ rule }) => rule === index);
    const action = isStopped ? failure : (own.redirect ?? forward(targets, options));
    for (const [matchIndex, match] of known.entries()) {
      if (match === undefined) continue;
      this.#rules.push({ ruleIndex: index, matchIndex, ...match, filters: isStopped ? [] : own.filters, action });
    }
  }

  #match(read: () => ReadMatch, at: string, rule: number): ReadMatch | undefined {
    try {
      return read();
    } catch (error) {
      this.#faults.push({ rule, message: `${at}: ${(error as Error).message}` });
      return undefined;
    }
  }

  #filterWork(at: string): Omit<Parameters<typeof readFilters>[1], 'isOfBackend'> {
    const { place, backends } = this.#context;
    return {
      place,
      at,
      mirrorTo: (mirror, where) => backends.find(this.#wish(mirror.backendRef, where)),
    };
  }

  #wish(reference: BackendWish['reference'], at: string): BackendWish {
    const { kind: routeKind, source, isPassedOn, clientCertificate } = this.#context;
    return { reference, routeKind, source, at, isPassedOn, clientCertificate };
  }

  #target(reference: HTTPBackendRef | GRPCBackendRef, at: string, rule: number): Target {
    const { weight = 1 } = reference;
    const { backend, verdict } = this.#context.backends.find(this.#wish(reference, at));
    this.#refs.push(verdict);
    const own = readFilters(reference.filters, { ...this.#filterWork(at), isOfBackend: true });
    this.#refs.push(...own.refs);
    for (const message of own.faults) this.#faults.push({ rule, message });
    const isReached = backend !== undefined && !own.isStopped;
    if (isReached) return { backend: backend.id, weight, filters: own.filters };
    return { backend: '', weight, filters: [], unresolvedStatus };
  }
}

const failure: Action = { kind: 'respond', status: unresolvedStatus };

/** Without a backend that takes any, there is nobody to answer. */
function forward(targets: readonly Target[], options: ForwardOptions | undefined): Action {
  if (targets.every(({ weight }) => weight === 0)) return failure;
  return { kind: 'forward', targets, ...(options && { options }) };
}

/** Zero is no bound. */
function timeouts({ timeouts: said }: HTTPRouteRule): ForwardOptions | undefined {
  const requestTimeoutMs = parseGatewayDuration(said?.request ?? '') ?? 0;
  const backendTimeoutMs = parseGatewayDuration(said?.backendRequest ?? '') ?? 0;
  if (requestTimeoutMs === 0 && backendTimeoutMs === 0) return undefined;
  return { ...(requestTimeoutMs > 0 && { requestTimeoutMs }), ...(backendTimeoutMs > 0 && { backendTimeoutMs }) };
}

/** What is said of a route with rules that are not supported. */
export function faultVerdict({ faults, isWhollyFaulty }: ReadRules): Verdict | undefined {
  const [first] = faults;
  if (first === undefined) return undefined;
  const indexes = [...new Set(faults.map(({ rule }) => rule))].join(', ');
  return bad('UnsupportedValue', isWhollyFaulty ? first.message : `Dropped Rule(s) ${indexes}: ${first.message}`);
}
