/**
 * Kubernetes' functions that ask whether somebody may do something: `authorizer.group('apps').resource('deployments').check('get').allowed()`.
 *
 * Expressions are evaluated at once, an answer may take a while (an authorizer behind a webhook). So `Questions` answers what it knows; what
 * it does not know fails the evaluation, and whoever evaluates waits for `settled()` and evaluates again. Each question is asked once.
 */

import type { CallCost, Range } from '../../../lib/cel/costs.ts';
import {
  createCost,
  fixedCost,
  perCharacter,
  range,
  scaled,
  sizeOf,
  sum,
  unknownSize,
} from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { CelOpaque, fault } from '../../../lib/cel/values.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../names.ts';

export interface CelUser {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Question {
  readonly user: CelUser;
  readonly verb: string;
  /** A URL that names no resource; else empty. */
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** As the expression wrote them; empty: none. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export interface Answer {
  readonly allowed: boolean;
  readonly reason: string;
  /** Why it could not be decided. */
  readonly problem?: string;
}

export class Questions {
  readonly #ask: (question: Question) => Answer | Promise<Answer>;
  readonly #answers = new Map<string, Answer>();
  readonly #waiting = new Map<string, Promise<Answer>>();

  constructor(ask: (question: Question) => Answer | Promise<Answer>) {
    this.#ask = ask;
  }

  /** @throws CelFault where the answer is still to come */
  answer(question: Question): Answer {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#waiting.get(key) ?? this.#ask(question);
    if (answer instanceof Promise) {
      this.#waiting.set(key, answer);
      return fault('the authorizer has not answered yet');
    }
    this.#answers.set(key, answer);
    return answer;
  }

  /** Something was asked that has no answer yet: what was evaluated does not count. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** All that was asked has its answer. @throws what asking threw */
  async settled(): Promise<void> {
    const asked = [...this.#waiting];
    const answers = await Promise.all(asked.map(([, answer]) => answer));
    for (const [index, [key]] of asked.entries()) {
      this.#answers.set(key, answers[index] as Answer);
      this.#waiting.delete(key);
    }
  }
}

/** Expressions can do nothing with these but call their functions. */
abstract class Receiver extends CelOpaque {
  equals(other: this): boolean {
    return this === other;
  }
}

const typeOf = (name: string): string => `kubernetes.authorization.${name}`;

/** The value of the variable `authorizer`. */
export class AuthorizerValue extends Receiver {
  readonly typeName = typeOf('Authorizer');
  readonly user: CelUser;
  readonly questions: Questions;

  constructor(user: CelUser, questions: Questions) {
    super();
    this.user = user;
    this.questions = questions;
  }
}

class PathCheck extends Receiver {
  readonly typeName = typeOf('PathCheck');
  readonly authorizer: AuthorizerValue;
  readonly path: string;

  constructor(authorizer: AuthorizerValue, path: string) {
    super();
    this.authorizer = authorizer;
    this.path = path;
  }
}

class GroupCheck extends Receiver {
  readonly typeName = typeOf('GroupCheck');
  readonly authorizer: AuthorizerValue;
  readonly group: string;

  constructor(authorizer: AuthorizerValue, group: string) {
    super();
    this.authorizer = authorizer;
    this.group = group;
  }
}

type ResourceQuestion = Omit<Question, 'user' | 'verb' | 'path'>;

const anything: ResourceQuestion = {
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  fieldSelector: '',
  labelSelector: '',
};

/** Also the value of `authorizer.requestResource`. */
export class ResourceCheckValue extends Receiver {
  readonly typeName = typeOf('ResourceCheck');
  readonly authorizer: AuthorizerValue;
  readonly of: ResourceQuestion;

  constructor(authorizer: AuthorizerValue, of: Partial<ResourceQuestion>) {
    super();
    this.authorizer = authorizer;
    this.of = { ...anything, ...of };
  }

  with(more: Partial<ResourceQuestion>): ResourceCheckValue {
    return new ResourceCheckValue(this.authorizer, { ...this.of, ...more });
  }
}

class DecisionValue extends Receiver {
  readonly typeName = typeOf('Decision');
  readonly answer: Answer;

  constructor(answer: Answer) {
    super();
    this.answer = answer;
  }
}

function decided({ user, questions }: AuthorizerValue, question: Omit<Question, 'user'>): DecisionValue {
  return new DecisionValue(questions.answer({ user, ...question }));
}

function serviceAccount({ questions }: AuthorizerValue, namespace: string, name: string): AuthorizerValue {
  if (isDns1123Subdomain(name).length > 0) fault('Invalid service account name');
  if (isDns1123Label(namespace).length > 0) fault('Invalid service account namespace');
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return new AuthorizerValue({ name: `system:serviceaccount:${namespace}:${name}`, groups }, questions);
}

function filled(what: string, text: string): string {
  return text.trim() === '' ? fault(`${what} must not be empty`) : text;
}

const nominal = fixedCost(1);
const cheap = (run: CelImplementation): CelOverload => ({ run, cost: nominal });
/** So high that an expression may ask twice. */
const asking = (run: CelImplementation): CelOverload => ({ run, cost: fixedCost(350_000) });

/** The shortest requirement has two characters, and becomes a structure with a list. */
function selectorRange(size: Range): Range {
  const requirements = scaled(scaled(size, 0.5), createCost.list + createCost.object);
  return sum(range(createCost.list), scaled(size, perCharacter), requirements);
}

const selectorCost: CallCost = {
  actual: ([, selector]) => selectorRange(range(sizeOf(selector))).max,
  estimate: ([, selector]) => ({ cost: selectorRange(selector?.size ?? unknownSize) }),
};

const setter = (field: keyof ResourceQuestion): CelImplementation => {
  return (check: ResourceCheckValue, value: string) => check.with({ [field]: value });
};

/** `A.path(string): P` with the types' whole names. */
const signature = (text: string): string =>
  text.replace(/\b(Authorizer|PathCheck|GroupCheck|ResourceCheck|Decision)\b/g, (name) => typeOf(name));

const functions: CelLibrary['functions'] = {
  'Authorizer.path(string): PathCheck': cheap(
    (authorizer: AuthorizerValue, path: string) => new PathCheck(authorizer, filled('path', path)),
  ),
  'Authorizer.group(string): GroupCheck': cheap(
    (authorizer: AuthorizerValue, group: string) => new GroupCheck(authorizer, group),
  ),
  'Authorizer.serviceAccount(string, string): Authorizer': cheap(serviceAccount),
  'GroupCheck.resource(string): ResourceCheck': cheap(
    ({ authorizer, group }: GroupCheck, resource: string) =>
      new ResourceCheckValue(authorizer, { group, resource: filled('resource', resource) }),
  ),
  'ResourceCheck.subresource(string): ResourceCheck': cheap(setter('subresource')),
  'ResourceCheck.namespace(string): ResourceCheck': cheap(setter('namespace')),
  'ResourceCheck.name(string): ResourceCheck': cheap(setter('name')),
  'ResourceCheck.fieldSelector(string): ResourceCheck': { run: setter('fieldSelector'), cost: selectorCost },
  'ResourceCheck.labelSelector(string): ResourceCheck': { run: setter('labelSelector'), cost: selectorCost },
  'PathCheck.check(string): Decision': asking(({ authorizer, path }: PathCheck, verb: string) =>
    decided(authorizer, { ...anything, path, verb }),
  ),
  'ResourceCheck.check(string): Decision': asking(({ authorizer, of }: ResourceCheckValue, verb: string) =>
    decided(authorizer, { ...of, path: '', verb }),
  ),
  'Decision.allowed(): bool': cheap(({ answer }: DecisionValue) => answer.allowed),
  'Decision.reason(): string': cheap(({ answer }: DecisionValue) => answer.reason),
  'Decision.errored(): bool': cheap(({ answer }: DecisionValue) => answer.problem !== undefined),
  'Decision.error(): string': cheap(({ answer }: DecisionValue) => answer.problem ?? ''),
};

export const authorizerLibrary: CelLibrary = {
  name: 'kubernetes.authz',
  types: ['Authorizer', 'PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map(typeOf),
  functions: Object.fromEntries(Object.entries(functions).map(([key, value]) => [signature(key), value])),
};
