/**
 * Writes down who did what: `audit.k8s.io/v1` events, as the policy wants them.
 *
 * ```
 *  begin ──▶ RequestReceived ──▶ (head of a long answer) ResponseStarted ──▶ end ──▶ ResponseComplete
 *                                                                     fault ──▶ Panic
 * ```
 * Bodies are recorded as they came and went, as JSON, at the levels that want them; a Secret's data stands in the log only
 * where a rule of the policy asks for its bodies. Without a policy nothing of this runs.
 */
import type { Clock } from '../../lib/clock.ts';
import { formatMicroTime } from '../../lib/clock.ts';
import type { MetricRegistry, NumberMetric, NumberSeries } from '../../lib/metrics.ts';
import type { AuthorizationAttributes, UserInfo } from '../../registry/request.ts';
import type { Answer } from '../answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { AuditLog } from './audit-log.ts';
import { bodyObject } from './body-object.ts';
import type { AuditDecision, AuditPolicy, AuditStage } from './policy.ts';
import { RecordingExchange } from './recording-exchange.ts';
import { sourceAddresses } from './source-addresses.ts';

export interface AuditorOptions {
  readonly policy: AuditPolicy;
  readonly log: AuditLog;
  readonly clock: Clock;
}

/** How a request ended: a `Status`, or what stands of one where the answer was none. */
export interface ResponseStatus {
  readonly code?: number;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: object;
}

const userAgentCharsMax = 1024;

export class AuditMetrics {
  readonly events: NumberSeries;
  readonly #errors: NumberMetric;
  readonly #levels: NumberMetric;

  constructor(registry: MetricRegistry) {
    const name = (rest: string): string => `apiserver_audit_${rest}`;
    this.events = registry.counter({ name: name('event_total'), help: 'Audit events written.' }).with();
    const labels = ['plugin'];
    this.#errors = registry.counter({ name: name('error_total'), help: 'Audit events that were lost.', labels });
    const help = 'Requests, by the level that the audit policy gives them.';
    this.#levels = registry.counter({ name: name('level_total'), help, labels: ['level'] });
  }

  dropped(events: number): void {
    this.#errors.with('log').add(events);
  }

  level(level: string): void {
    this.#levels.with(level).add();
  }
}

export class Auditor {
  readonly #options: AuditorOptions;
  readonly #metrics: AuditMetrics;

  constructor(options: AuditorOptions, metrics: AuditMetrics) {
    this.#options = options;
    this.#metrics = metrics;
  }

  /** Undefined where the policy wants nothing of this request. `user` in `attributes`: who asks, before impersonation. */
  begin(exchange: Exchange, attributes: AuthorizationAttributes, auditId: string): AuditedRequest | undefined {
    const { policy, clock } = this.#options;
    const decision = policy.decide(attributes);
    this.#metrics.level(decision.level);
    if (decision.level === 'None') return undefined;
    const write = (event: object): void => this.#write(event);
    return new AuditedRequest({ exchange, attributes, auditId, decision, clock, write });
  }

  close(): Promise<void> {
    return this.#options.log.close();
  }

  #write(event: object): void {
    this.#metrics.events.add();
    this.#options.log.write(`${JSON.stringify(event)}\n`);
  }
}

interface AuditedRequestOptions {
  readonly exchange: Exchange;
  readonly attributes: AuthorizationAttributes;
  readonly auditId: string;
  readonly decision: AuditDecision;
  readonly clock: Clock;
  readonly write: (event: object) => void;
}

export class AuditedRequest {
  readonly #options: AuditedRequestOptions;
  readonly #received: string;
  readonly #annotations: Record<string, string> = {};
  readonly #recording: RecordingExchange;
  #impersonated: UserInfo | undefined;
  #constraint: string | undefined;
  #status: ResponseStatus | undefined;
  #answer: Answer | undefined;

  constructor(options: AuditedRequestOptions) {
    this.#options = options;
    this.#received = formatMicroTime(options.clock.now());
    this.#recording = new RecordingExchange(options.exchange, (status) => this.#started(status));
    this.#emit('RequestReceived');
  }

  /** What the request is served with from here on. */
  get exchange(): Exchange {
    return this.#recording;
  }

  /** `constraint`: the verb by which it was allowed, where that was not the legacy one. */
  impersonated(user: UserInfo, constraint?: string): void {
    this.#impersonated = user;
    this.#constraint = constraint;
  }

  /** With `level`: only where requests' bodies are written down, too. What was said first under a key stays, as upstream. */
  annotate(key: string, value: string, level?: 'Request'): void {
    if (level !== undefined && this.#options.decision.level === 'Metadata') return;
    this.#annotations[key] ??= value;
  }

  /** The whole answer, before it is sent. `failure`: the Status that it carries. */
  answered(answer: Answer, failure?: ResponseStatus): void {
    this.#answer = answer;
    this.#status = failure ?? { code: answer.status };
  }

  /** The request is over: its answer is complete, or the client has gone. */
  end(): void {
    this.#status ??= { status: 'Success', message: 'Connection closed early', code: 200 };
    this.#emit('ResponseComplete');
  }

  /** The work ended with an error that was nobody's answer. */
  fault(failure: ResponseStatus): void {
    this.#status = failure;
    this.#emit('Panic');
  }

  /** The head of an answer of unknown length goes out. */
  #started(code: number): void {
    this.#status ??= { code };
    if (this.#answer === undefined) this.#emit('ResponseStarted');
  }

  #emit(stage: AuditStage): void {
    const { decision, write } = this.#options;
    if (!decision.omitStages.has(stage)) write(this.#event(stage));
  }

  #event(stage: AuditStage): object {
    const { auditId, attributes, exchange, decision, clock } = this.#options;
    const status = this.#status;
    return {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: decision.level,
      auditID: auditId,
      stage,
      requestURI: exchange.url,
      verb: attributes.verb,
      user: userOf(attributes.user),
      ...(this.#impersonated && { impersonatedUser: userOf(this.#impersonated) }),
      ...(this.#constraint && { authenticationMetadata: { impersonationConstraint: this.#constraint } }),
      sourceIPs: sourceAddresses(exchange),
      ...userAgentOf(exchange),
      ...(attributes.resource !== '' && { objectRef: this.#objectRef() }),
      ...(status && { responseStatus: { metadata: {}, ...status } }),
      ...this.#bodies(stage),
      requestReceivedTimestamp: this.#received,
      stageTimestamp: formatMicroTime(clock.now()),
      ...(Object.keys(this.#annotations).length > 0 && { annotations: this.#annotations }),
    };
  }

  #objectRef(): object {
    const { resource, namespace, name, group, version, subresource } = this.#options.attributes;
    const reference = { resource, namespace, name, apiGroup: group, apiVersion: version, subresource };
    return Object.fromEntries(Object.entries(reference).filter(([, value]) => value !== ''));
  }

  #bodies(stage: AuditStage): object {
    const { decision, attributes, exchange } = this.#options;
    if (stage === 'RequestReceived' || decision.level === 'Metadata' || attributes.resource === '') return {};
    const request = bodyObject(this.#recording.received, exchange.headers['content-type'], decision.omitManagedFields);
    const response =
      decision.level === 'RequestResponse' && this.#answer !== undefined
        ? bodyObject(this.#answer.body, this.#answer.headers['content-type'], decision.omitManagedFields)
        : undefined;
    if (request === 'too large' || response === 'too large') this.annotate('audit.k8s.io/truncated', 'true');
    return {
      ...(typeof request === 'object' && { requestObject: request.value }),
      ...(typeof response === 'object' && { responseObject: response.value }),
    };
  }
}

function userOf({ name, uid, groups, extra }: UserInfo): object {
  return {
    ...(name !== '' && { username: name }),
    ...(uid !== undefined && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra !== undefined && { extra }),
  };
}

function userAgentOf({ headers }: Exchange): object {
  const agent = headers['user-agent'];
  if (agent === undefined || agent === '') return {};
  return {
    userAgent: agent.length > userAgentCharsMax ? `${agent.slice(0, userAgentCharsMax)}...TRUNCATED` : agent,
  };
}
