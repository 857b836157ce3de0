/**
 * What happens to every request, in this order: who asks, as whom, may they, is there room, the work within its time, the
 * answer. Whatever goes wrong on the way becomes one `Status` here: the server's only error funnel.
 *
 * ```
 * Exchange ─▶ authenticate ─▶ impersonate ─▶ authorize ─▶ in-flight bound ─▶ resource or path ─▶ answer
 *                 401             403            403            429           504 after a minute
 * ```
 */
import type { Verb } from '../api/resources.ts';
import { StatusError, tooManyRequests } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type Prng, uuid } from '../lib/prng.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../registry/request.ts';
import { type Answer, sendAnswer } from './answer.ts';
import { type Authenticator, authenticate } from './authentication.ts';
import { forbiddenError } from './authorization.ts';
import type { RequestContext } from './context.ts';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';
import { impersonate } from './impersonation.ts';
import { type Encoding, negotiate, wantsPretty } from './negotiation.ts';
import { errorAnswer } from './object-answers.ts';
import type { PathRequests } from './path-requests.ts';
import { booleanOf } from './queries.ts';
import { nameInFieldSelector, parsePath, type RequestPath, type ResourcePath, verbOf } from './request-info.ts';
import type { ResourceRequests } from './resource-requests.ts';

export interface PipelineOptions {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly resourceRequests: ResourceRequests;
  readonly pathRequests: PathRequests;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

const noQuery = new URLSearchParams();

/** What can be said of a request before its caller is known. */
interface Parsed {
  readonly path: RequestPath;
  readonly pathText: string;
  readonly query: URLSearchParams;
  readonly verb: Verb | '';
}

export class RequestPipeline {
  readonly #options: PipelineOptions;
  #inFlight = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async handle(exchange: Exchange): Promise<void> {
    const headers = this.#commonHeaders(exchange);
    try {
      const answer = await this.#answer(exchange, headers);
      if (answer !== undefined) await sendAnswer(exchange, answer, headers);
    } catch (error) {
      await this.#fail(exchange, headers, error);
    }
  }

  #commonHeaders(exchange: Exchange): AnswerHeaders {
    const asked = exchange.headers['audit-id'];
    const auditId = typeof asked === 'string' && /^[\x21-\x7e]{1,128}$/.test(asked) ? asked : uuid(this.#options.prng);
    return { 'audit-id': auditId, 'cache-control': 'no-cache, private' };
  }

  async #answer(exchange: Exchange, headers: AnswerHeaders): Promise<Answer | undefined> {
    const { authenticators, authorizer } = this.#options;
    const credentials = { certificate: exchange.connection.certificate, headers: exchange.headers };
    const caller = await authenticate(authenticators, credentials, (why) => this.#logRefusal(exchange, why));
    const parsed = parse(exchange);
    const user = await impersonate(caller, exchange.headers, authorizer);
    const attributes = attributesOf(parsed, exchange.method, user);
    const reason = await authorizer.authorize(attributes);
    if (reason !== undefined) throw forbiddenError(attributes, reason);
    const pretty = wantsPretty(parsed.query, exchange.headers['user-agent']);
    const context = { exchange, user, path: parsed.pathText, query: parsed.query, headers, pretty };
    return isLongRunning(parsed) ? this.#dispatch(context, parsed) : this.#bounded(context, parsed);
  }

  #dispatch(context: RequestContext, { path, verb }: Parsed): Promise<Answer | undefined> {
    if (path.kind === 'resource') return this.#options.resourceRequests.answer(context, path, verb);
    return this.#options.pathRequests.answer(context);
  }

  /** One of at most `requestsInFlightMax`, for at most `requestMsMax`. Administrators are never turned away, as upstream. */
  async #bounded(context: RequestContext, parsed: Parsed): Promise<Answer | undefined> {
    if (this.#inFlight >= limits.requestsInFlightMax && !context.user.groups.includes('system:masters')) {
      throw tooManyRequests('too many requests are under way; please try again later', 1);
    }
    this.#inFlight++;
    let tooLate!: (error: StatusError) => void;
    const late = new Promise<never>((_resolve, reject) => {
      tooLate = reject;
    });
    const timer = this.#options.clock.after(limits.requestMsMax, () => tooLate(timedOut()));
    try {
      return await Promise.race([this.#dispatch(context, parsed), late]);
    } finally {
      timer.cancel();
      this.#inFlight--;
    }
  }

  async #fail(exchange: Exchange, headers: AnswerHeaders, error: unknown): Promise<void> {
    const auditId = headers['audit-id'];
    if (!(error instanceof StatusError) || error.reason === 'InternalError') {
      this.#options.log.error('request failed', { method: exchange.method, url: exchange.url, auditId, error });
    }
    if (exchange.answered) return exchange.abort();
    const encoding = errorEncoding(exchange);
    const pretty = wantsPretty(noQuery, exchange.headers['user-agent']);
    await sendAnswer(exchange, errorAnswer(error, { encoding, pretty }), headers);
  }

  #logRefusal(exchange: Exchange, why: string): void {
    const { remoteAddress } = exchange.connection;
    this.#options.log.info('caller not accepted', { method: exchange.method, url: exchange.url, remoteAddress, why });
  }
}

function parse(exchange: Exchange): Parsed {
  const { url } = exchange;
  const mark = url.indexOf('?');
  const pathText = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1));
  const path = parsePath(pathText);
  const verb = path.kind === 'resource' ? verbOf(exchange.method, path, booleanOf(query, 'watch') === true) : '';
  return { path, pathText, query, verb };
}

function attributesOf({ path, verb, query }: Parsed, method: string, user: UserInfo): AuthorizationAttributes {
  if (path.kind === 'path') {
    const noResource = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
    return { user, verb: method.toLowerCase(), ...noResource, path: path.path };
  }
  const { group, version, resource, subresource, namespace } = path;
  return { user, verb, group, version, resource, subresource, namespace, name: nameOf(path, verb, query), path: '' };
}

function nameOf(path: ResourcePath, verb: Verb | '', query: URLSearchParams): string {
  if (path.name !== '' || (verb !== 'list' && verb !== 'watch')) return path.name;
  return nameInFieldSelector(query.get('fieldSelector') ?? undefined);
}

/** Neither counted nor timed: they last as long as the client likes. */
function isLongRunning({ path, verb }: Parsed): boolean {
  return verb === 'watch' || (path.kind === 'resource' && path.subresource === 'log');
}

const timedOut = (): StatusError =>
  new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {});

/** An error must be readable even where its cause is that no form was acceptable. */
function errorEncoding({ headers }: Exchange): Encoding {
  try {
    return negotiate(headers.accept, true).encoding;
  } catch {
    return 'json';
  }
}
