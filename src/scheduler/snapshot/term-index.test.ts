import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelMatcher } from '../../api/selector.ts';
import { PodFacts } from '../pod-facts.ts';
import { makePod } from '../testing.ts';
import { TermIndex } from './term-index.ts';
import { noTerms, type Term } from './terms.ts';

class AskedSet extends Set<string> {
  asked = 0;

  override has(name: string): boolean {
    this.asked++;
    return super.has(name);
  }
}

const labels = { zone: 'a' };

function makeTerm(namespaces: ReadonlySet<string>, more: Partial<Term> = {}): Term {
  const selector = labelMatcher({ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] });
  const key = JSON.stringify([...namespaces]);
  return { key, topologyKey: 'zone', namespaces, namespaceSelector: undefined, selector, weight: 1, ...more };
}

const podIn = (namespace: string): PodFacts => new PodFacts(makePod('pod', { namespace }));

test('terms of one namespace are not gone through for pods of others', () => {
  const index = new TermIndex();
  const namespaces = new AskedSet(['crowded']);
  for (let at = 0; at < 1000; at++) {
    index.change({ ...noTerms, preferred: [makeTerm(namespaces, { key: `${at}` })] }, labels, 1);
  }
  assert.equal(index.matching('preferred', podIn('other'), () => undefined).length, 0);
  assert.equal(namespaces.asked, 0);
  assert.equal(index.matching('preferred', podIn('crowded'), () => undefined).length, 1000);
});

test('a term is found once in each namespace that it names, and wherever its selector for namespaces says', () => {
  const index = new TermIndex();
  const named = { ...noTerms, required: [makeTerm(new Set(['one', 'two']))] };
  const namespaceSelector = labelMatcher({ matchLabels: { team: 'x' } });
  const chosen = { ...noTerms, required: [makeTerm(new Set(['one']), { key: 'chosen', namespaceSelector })] };
  const found = (namespace: string): number =>
    index.matching('required', podIn(namespace), (name) => (name === 'three' ? { team: 'x' } : {})).length;
  index.change(named, labels, 1);
  index.change(chosen, labels, 1);
  assert.deepEqual(['one', 'two', 'three', 'four'].map(found), [2, 1, 1, 0]);
  index.change(named, labels, -1);
  assert.deepEqual(['one', 'two', 'three', 'four'].map(found), [1, 0, 1, 0]);
});
