/**
 * What happens to every request, in this order: who asks, as whom, may they, is there room, the work within its time, the
 * answer. Whatever goes wrong on the way becomes one `Status` here: the server's only error funnel.
 *
 * ```
 * Exchange ─▶ open? ─▶ authenticate ─▶ (audit) ─▶ impersonate ─▶ authorize ─▶ in-flight bound ─▶ resource or path ─▶ answer
 *              429          401                       403            403            429          504 after a minute
 * ```
 * What is known of a request before anybody is asked stands in `request-facts.ts`. A work that goes on after its time was given up writes nothing
 * more: only what it returns would have been sent.
 */
import { forbiddenError } from '../api/refusal.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import { deprecationWarning, type ResourceInfo } from '../api/resources.ts';
import { StatusError } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { type Prng, uuid } from '../lib/prng.ts';
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from '../registry/request.ts';
import type { Aggregator } from './aggregation/aggregator.ts';
import { type Answer, lengthOf, sendAnswer, textAnswer } from './answer.ts';
import type { AuditedRequest, Auditor } from './audit/auditor.ts';
import { type Authenticator, authenticate } from './authentication/authentication.ts';
import { AuthorizationFault } from './authorization/authorization-fault.ts';
import { asksForAnother, impersonate } from './authorization/impersonation.ts';
import type { RequestContext } from './context.ts';
import { InFlight } from './flow/in-flight.ts';
import { requestMsMax } from './flow/request-deadline.ts';
import type { Exchange } from './http/exchange.ts';
import { AccessMetrics } from './metrics/access-metrics.ts';
import { RequestMetrics } from './metrics/request-metrics.ts';
import { type Encoding, negotiate, wantsPretty } from './negotiation.ts';
import { errorAnswer, warningHeaders } from './object-answers.ts';
import { type PathRequests, pageNotFound } from './path-requests.ts';
import {
  attributesOf,
  factsOf,
  isLongRunning,
  labelsOf,
  noQuery,
  type RequestFacts,
  requestKind,
  resourceOf,
} from './request-facts.ts';
import type { ResourceRequests } from './resource-requests.ts';

export interface PipelineOptions {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly resources: ResourceTable;
  readonly resourceRequests: ResourceRequests;
  readonly pathRequests: PathRequests;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** What is counted goes here. */
  readonly metrics?: MetricRegistry;
  readonly auditor?: Auditor | undefined;
  /** Absent: no other servers extend this one. */
  readonly aggregator?: Aggregator | undefined;
}

/** One request on its way. */
interface Run {
  readonly startMs: number;
  /** When its caller was known. */
  callerMs: number;
  /** What the request is served with: where it is audited, not the one that came in. */
  exchange: Exchange;
  readonly headers: Record<string, string | readonly string[]>;
  /** For the client, before the work has begun. */
  readonly warnings: string[];
  facts: RequestFacts | undefined;
  /** What the URL names, where there is such a resource. */
  resource: ResourceInfo | undefined;
  audit: AuditedRequest | undefined;
  /** Of the answer; undefined where it is a stream. */
  bytes: number | undefined;
}

/** What authentication has to say beside who asks. */
interface Told {
  readonly annotations: [string, string][];
  readonly warnings: string[];
}

/** Probes and scrapes are answered until the end. */
const exemptFromClosing = /^\/(readyz|livez|healthz|metrics)/;

export class RequestPipeline {
  readonly #options: PipelineOptions;
  readonly #inFlight = new InFlight();
  readonly #requests: RequestMetrics;
  readonly #access: AccessMetrics;
  readonly #longRunning = new Set<Exchange>();
  #closing = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const registry = options.metrics ?? new MetricRegistry();
    this.#requests = new RequestMetrics(registry, this.#inFlight);
    this.#access = new AccessMetrics(registry);
  }

  /** From here on new requests are refused; resolves when those that came before have their answers. */
  drain(): Promise<void> {
    this.#closing = true;
    return this.#inFlight.idle();
  }

  /** Breaks off what would last as long as the client likes. */
  endLongRunning(): void {
    for (const exchange of this.#longRunning) exchange.abort();
  }

  /** Never rejects. */
  async handle(exchange: Exchange): Promise<void> {
    const run: Run = {
      startMs: this.#options.clock.monotonic(),
      callerMs: 0,
      exchange,
      headers: this.#commonHeaders(exchange),
      warnings: [],
      facts: undefined,
      resource: undefined,
      audit: undefined,
      bytes: undefined,
    };
    try {
      const answer = await this.#answer(run);
      if (answer !== undefined) await this.#send(run, answer);
    } catch (error) {
      await this.#fail(run, error);
    }
    this.#finish(run);
  }

  #commonHeaders(exchange: Exchange): Record<string, string | readonly string[]> {
    const asked = exchange.headers['audit-id'];
    const auditId = typeof asked === 'string' && /^[\x21-\x7e]{1,128}$/.test(asked) ? asked : uuid(this.#options.prng);
    return { 'audit-id': auditId, 'cache-control': 'no-cache, private' };
  }

  async #answer(run: Run): Promise<Answer | undefined> {
    const { exchange, headers } = run;
    const facts = factsOf(exchange);
    run.facts = facts;
    run.resource = resourceOf(facts, this.#options.resources);
    if (this.#closing && !exemptFromClosing.test(facts.pathText)) return closingAnswer();
    const caller = await this.#authenticate(run, facts);
    const admitted = this.#admit(run, facts, caller);
    const user = admitted instanceof Promise ? await admitted : admitted;
    const deprecated = run.resource && deprecationWarning(run.resource);
    if (deprecated !== undefined) {
      run.warnings.push(deprecated);
      run.audit?.annotate('k8s.io/deprecated', 'true');
    }
    if (run.warnings.length > 0) Object.assign(headers, warningHeaders(run.warnings));
    const pretty = wantsPretty(facts.query, exchange.headers['user-agent']);
    const { pathText: path, query } = facts;
    const { audit } = run;
    const annotate = audit && ((key: string, value: string, level?: 'Request') => audit.annotate(key, value, level));
    const context = { exchange: run.exchange, user, path, query, headers, pretty, ...(annotate && { annotate }) };
    return isLongRunning(facts) ? this.#unbounded(run, context, facts) : this.#bounded(run, context, facts);
  }

  /** @throws StatusError Unauthorized */
  async #authenticate(run: Run, facts: RequestFacts): Promise<UserInfo> {
    const { exchange } = run;
    const { clock, authenticators } = this.#options;
    const told: Told = { annotations: [], warnings: [] };
    const credentials = {
      certificate: exchange.connection.certificate,
      headers: exchange.headers,
      path: facts.pathText,
      notes: {
        annotate: (key: string, value: string) => void told.annotations.push([key, value]),
        warn: (message: string) => void told.warnings.push(message),
      },
    };
    try {
      const caller = await authenticate(authenticators, credentials, (why) => this.#logRefusal(exchange, why));
      run.callerMs = clock.monotonic();
      this.#access.authentication.note('success', run.callerMs - run.startMs);
      this.#access.user(caller.name);
      this.#beginAudit(run, facts, caller, told);
      run.warnings.push(...told.warnings);
      return caller;
    } catch (error) {
      const isRefusal = error instanceof StatusError && error.code === 401;
      this.#access.authentication.note(isRefusal ? 'failure' : 'error', clock.monotonic() - run.startMs);
      this.#beginAudit(run, facts, nobody, told);
      throw error;
    }
  }

  #beginAudit(run: Run, facts: RequestFacts, caller: UserInfo, { annotations }: Told): void {
    const { auditor } = this.#options;
    if (auditor === undefined) return;
    const { exchange } = run;
    run.audit = auditor.begin(exchange, attributesOf(facts, exchange.method, caller), String(run.headers['audit-id']));
    if (run.audit === undefined) return;
    run.exchange = run.audit.exchange;
    for (const [key, value] of annotations) run.audit.annotate(key, value);
  }

  /** As whom, and may they? At once, but where somebody outside has to be asked. @throws StatusError Forbidden */
  #admit(run: Run, facts: RequestFacts, caller: UserInfo): UserInfo | Promise<UserInfo> {
    if (asksForAnother(run.exchange.headers)) return this.#admitAs(run, facts, caller);
    return this.#authorize(run, facts, caller);
  }

  async #admitAs(run: Run, facts: RequestFacts, caller: UserInfo): Promise<UserInfo> {
    const { headers, method } = run.exchange;
    const other = await impersonate(attributesOf(facts, method, caller), headers, this.#options.authorizer);
    if (other !== undefined) run.audit?.impersonated(other.user, other.constraint);
    return this.#authorize(run, facts, other?.user ?? caller);
  }

  #authorize(run: Run, facts: RequestFacts, user: UserInfo): UserInfo | Promise<UserInfo> {
    const attributes = attributesOf(facts, run.exchange.method, user);
    const decision = this.#options.authorizer.decide(attributes);
    if (decision instanceof Promise) return decision.then((late) => this.#concluded(run, attributes, late));
    return this.#concluded(run, attributes, decision);
  }

  /** @throws StatusError Forbidden; AuthorizationFault where nobody allowed and somebody could not tell */
  #concluded(run: Run, attributes: AuthorizationAttributes, { allowed, reason, problem }: Decision): UserInfo {
    const isFault = !allowed && problem !== undefined;
    const result = allowed ? 'allowed' : isFault ? 'error' : 'denied';
    this.#access.authorization.note(result, this.#options.clock.monotonic() - run.callerMs);
    if (!isFault) run.audit?.annotate('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid');
    run.audit?.annotate('authorization.k8s.io/reason', isFault ? 'internal error' : reason);
    if (allowed) return attributes.user;
    throw isFault ? new AuthorizationFault(run.exchange.url, problem) : forbiddenError(attributes, reason);
  }

  #dispatch(run: Run, context: RequestContext, { path, verb }: RequestFacts): Promise<Answer | undefined> {
    const { resources, resourceRequests, pathRequests, aggregator } = this.#options;
    const remote = aggregator?.remoteFor(path);
    if (aggregator !== undefined && remote !== undefined) return aggregator.answer(context, path, remote);
    if (path.kind === 'path') return pathRequests.answer(context);
    // Where nobody serves a group, upstream has no router that would know of resources.
    const isKnown = run.resource !== undefined || resources.groups().some(({ group }) => group === path.group);
    if (!isKnown) return Promise.resolve(pageNotFound());
    return resourceRequests.answer(context, path, verb);
  }

  async #unbounded(run: Run, context: RequestContext, facts: RequestFacts): Promise<Answer | undefined> {
    const { exchange } = run;
    const over = this.#requests.longRunning(labelsOf(facts, exchange, run.resource));
    this.#longRunning.add(exchange);
    exchange.onClose(() => {
      over();
      this.#longRunning.delete(exchange);
    });
    return this.#dispatch(run, context, facts);
  }

  /** One of so many, and for so long (`flow/`). @throws StatusError TooManyRequests, Timeout */
  async #bounded(run: Run, context: RequestContext, facts: RequestFacts): Promise<Answer | undefined> {
    const msMax = requestMsMax(facts.query);
    const kind = requestKind(facts, run.exchange.method);
    this.#inFlight.enter(kind, context.user);
    let tooLate!: (error: StatusError) => void;
    const late = new Promise<never>((_resolve, reject) => {
      tooLate = reject;
    });
    const timer = this.#options.clock.after(msMax, () => tooLate(timedOut()));
    try {
      return await Promise.race([this.#dispatch(run, context, facts), late]);
    } finally {
      timer.cancel();
      this.#inFlight.leave(kind);
    }
  }

  #send(run: Run, answer: Answer, failure?: StatusError): Promise<void> {
    run.bytes = lengthOf(answer.body);
    run.audit?.answered(answer, failure && statusOf(failure));
    return sendAnswer(run.exchange, answer, run.headers);
  }

  async #fail(run: Run, error: unknown): Promise<void> {
    const { exchange, headers } = run;
    if (!(error instanceof StatusError) || error.reason === 'InternalError') {
      const auditId = headers['audit-id'];
      this.#options.log.error('request failed', { method: exchange.method, url: shortUrl(exchange), auditId, error });
    }
    if (exchange.answered) return this.#breakOff(run, error);
    try {
      const encoding = errorEncoding(exchange);
      const pretty = wantsPretty(noQuery, exchange.headers['user-agent']);
      const failure = error instanceof StatusError ? error : undefined;
      const answer = error instanceof AuthorizationFault ? error.answer() : errorAnswer(error, { encoding, pretty });
      await this.#send(run, answer, failure);
    } catch (again) {
      this.#breakOff(run, again);
    }
  }

  /** The client must not take half an answer for a whole one. */
  #breakOff(run: Run, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    run.audit?.fault({ status: 'Failure', reason: 'InternalError', code: 500, message });
    run.audit = undefined;
    run.exchange.abort();
  }

  #finish(run: Run): void {
    const { exchange, facts } = run;
    if (facts !== undefined && isLongRunning(facts) && run.bytes === undefined) {
      exchange.onClose(() => this.#record(run, facts));
    } else this.#record(run, facts);
  }

  #record(run: Run, facts: RequestFacts | undefined): void {
    run.audit?.end();
    if (facts === undefined) return;
    const { exchange, resource, startMs, bytes } = run;
    const labels = labelsOf(facts, exchange, resource);
    // A connection that became something else has no status of its own.
    const code = exchange.status === 0 && exchange.answered ? 101 : exchange.status;
    if (code === 0) return;
    this.#requests.finished(labels, code, this.#options.clock.monotonic() - startMs, bytes);
    if (code === 429 || code === 504) this.#requests.terminated(labels, code);
  }

  #logRefusal(exchange: Exchange, why: string): void {
    const { remoteAddress } = exchange.connection;
    this.#options.log.info('caller not accepted', {
      method: exchange.method,
      url: shortUrl(exchange),
      remoteAddress,
      why,
    });
  }
}

const nobody: UserInfo = { name: '', groups: [] };

const shortUrl = ({ url }: Exchange): string => url.slice(0, limits.loggedUrlCharactersMax);

const timedOut = (): StatusError =>
  new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {});

const closingAnswer = (): Answer =>
  textAnswer(429, 'The apiserver is shutting down, please try again later.\n', { 'retry-after': '5' });

function statusOf(error: StatusError): object {
  const { status, message, reason, details, code } = error.toStatus();
  return { status, message, reason, ...(details && { details }), code };
}

/** An error must be readable even where its cause is that no form was acceptable. */
function errorEncoding({ headers }: Exchange): Encoding {
  try {
    return negotiate(headers.accept, true).encoding;
  } catch {
    return 'json';
  }
}
