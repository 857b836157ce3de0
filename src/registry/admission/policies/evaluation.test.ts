/** Runs of expressions within a budget, with the costs that upstream's evaluation has: as upstream tests its composition and its budgets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AuthorizerValue } from '../../../api/cel/libraries/authorizer.ts';
import { expressionRoles, PolicyExpressions } from '../../../api/cel/policy-expressions.ts';
import type { KubeObject } from '../../../api/object.ts';
import { limits } from '../../../lib/limits.ts';
import { type Outcome, OutOfBudget, Run } from './evaluation.ts';
import { objectValue } from './inputs.ts';
import { questionsTo } from './questions.ts';

const endpoints = {
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'endpoints1' },
  subsets: [{ addresses: [{ ip: '127.0.0.0' }] }],
} as KubeObject;

interface Row {
  readonly expressions: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly budget?: number;
  /** Of the last expression; a text is part of its error. */
  readonly gives?: boolean | string;
  /** Of the budget. */
  readonly left?: number;
  readonly exceeded?: true;
}

const authorized = "!authorizer.group('').resource('endpoints').check('create').allowed()";

const rows: readonly Row[] = [
  { variables: { name: 'object.metadata.name' }, expressions: ["variables.name == 'endpoints1'"], gives: true },
  {
    variables: { name: "1 == '1'" },
    expressions: ["variables.name == 'endpoints1'"],
    gives: "found no matching overload for '_==_' applied to '(int, string)'",
  },
  {
    variables: { count: 'object.subsets[114514].addresses.size()' },
    expressions: ['variables.count == 810'],
    gives: 'composited variable "count" fails to evaluate: index out of bounds: 114514',
  },
  {
    variables: { name: 'object.metadata.name' },
    expressions: ["variables.name == 'endpoints1'"],
    budget: 4,
    exceeded: true,
  },
  {
    variables: { name: 'object.metadata.name' },
    expressions: ["variables.name == 'endpoints1' && variables.name == 'endpoints1' "],
    budget: 10,
    gives: true,
  },
  { variables: { fortuneTelling: 'true' }, expressions: ['variables.fortuneTelling'], gives: true },
  { variables: { list: '[1, 2, 3, 4]' }, expressions: ['variables.list.sum() == 10'], gives: true },
  { variables: { dict: '{"foo": "bar"}' }, expressions: ["variables.dict['foo'].contains('bar')"], gives: true },
  {
    variables: { list: '[1, 2, 3, 4]' },
    expressions: ["variables.list['invalid'] == 'invalid'"],
    gives: "found no matching overload for '_[_]' applied to '(list(int), string)'",
  },
  {
    variables: { list: "['1', '2', '3', '4']" },
    expressions: ['variables.list[0] == 1'],
    gives: "found no matching overload for '_==_' applied to '(string, int)'",
  },
  {
    variables: { dict: "'abc 123 def 123'.split(' ')" },
    expressions: ['size(variables.dict) > 0'],
    budget: 5,
    exceeded: true,
  },
  {
    expressions: ['has(object.subsets) && object.subsets.size() < 2', 'has(object.subsets)'],
    budget: 1,
    exceeded: true,
  },
  {
    expressions: ['has(object.subsets) && object.subsets.size() < 2', 'object.subsets.size() > 2'],
    budget: 5,
    exceeded: true,
  },
  { expressions: ['oldObject != null', 'object.subsets.size() > 2'], budget: 10, left: 4 },
  { expressions: ['oldObject != null', 'object.subsets.size() > 2', 'true'], budget: 6, left: 0 },
  { expressions: [authorized], budget: 350_005, left: 0, gives: true },
  { expressions: [authorized], budget: 35_000, exceeded: true },
  { expressions: [authorized, authorized], budget: 700_000, exceeded: true },
  { expressions: [authorized, authorized], budget: 700_011, left: 1 },
  {
    expressions: [`${authorized} && ${authorized} && ${authorized}`],
    gives: 'resulted in error: operation cancelled: actual cost limit exceeded',
  },
  { expressions: ['[1,2,3,4].isSorted()'], budget: 4, left: 0 },
  {
    expressions: ["size(['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join(' ')) > 0"],
    budget: 7,
    left: 0,
  },
  { expressions: ["url('https:://kubernetes.io/').getHostname() == 'kubernetes.io'"], budget: 4, left: 0 },
  { expressions: ["size('abc 123 def 123'.split(' ')) > 0"], budget: 5, left: 0 },
  { expressions: ["size('abc 123 def 123'.find('123')) > 0"], budget: 4, left: 0 },
  {
    expressions: ['quantity("200M") == quantity("0.2G") && quantity("0.2G") == quantity("200M")'],
    budget: 6,
    left: 0,
  },
];

function runOf({ variables = {}, budget = limits.celPolicyCostMax }: Row): {
  readonly run: Run;
  readonly evaluate: (expression: string) => Outcome;
} {
  const expressions = new PolicyExpressions({ hasParams: false, hasVariables: true });
  for (const [name, expression] of Object.entries(variables)) expressions.addVariable(name, expression);
  const questions = questionsTo({ decide: () => ({ allowed: false, reason: '' }) });
  const authorizer = new AuthorizerValue({ name: 'tester', groups: [] }, questions);
  const inputs = { object: () => objectValue(endpoints), oldObject: () => null, authorizer: () => authorizer };
  const run = new Run({ inputs, variables: expressions.variables, budget });
  const evaluate = (expression: string): Outcome =>
    run.evaluate(expressions.compile(expression, expressionRoles.condition));
  return { run, evaluate };
}

void describe('expressions of a policy', () => {
  for (const row of rows) {
    const { expressions, variables = {}, budget, gives, left, exceeded } = row;
    const with_ = Object.entries(variables).map(([name, expression]) => `, ${name} = ${expression}`);
    void test(`${expressions.join('; ')}${with_.join('')}${budget === undefined ? '' : `, for ${budget}`}`, () => {
      const { run, evaluate } = runOf(row);
      if (exceeded) {
        assert.throws(() => expressions.map(evaluate), OutOfBudget);
        return;
      }
      const outcomes = expressions.map(evaluate);
      if (left !== undefined) assert.equal(run.budget, left);
      const last = outcomes.at(-1);
      if (typeof gives === 'boolean') assert.deepEqual(last, { kind: 'value', value: gives });
      else if (gives !== undefined)
        assert.ok(last?.kind === 'error' && last.message.includes(gives), JSON.stringify(last));
    });
  }
});
