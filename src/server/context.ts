/** What is known about one request once its caller is: passed along instead of a dozen parameters. */
import type { UserInfo } from '../registry/request.ts';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';

export interface RequestContext {
  readonly exchange: Exchange;
  readonly user: UserInfo;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** On every answer: the audit id and the like. */
  readonly headers: AnswerHeaders;
  readonly pretty: boolean;
  /** Notes something in the audit log; absent where this request is not audited. */
  readonly annotate?: (key: string, value: string, level?: 'Request') => void;
}
