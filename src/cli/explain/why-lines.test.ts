import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation } from '../../explain/explain.ts';
import type { Finding } from '../../explain/finding.ts';
import { briefLines, explanationLines } from './why-lines.ts';

test('messages and log lines of others do not reach the terminal as they are', () => {
  const subject = { kind: 'Pod', namespace: 'shop', name: 'web' };
  const hostile = 'x\u001b[2J\u001b]52;c;eA==\u0007';
  const finding: Finding = {
    code: 'Test',
    subject,
    severity: 'problem',
    what: hostile,
    why: [`  | ${hostile}`],
    fix: [{ say: hostile, run: hostile }],
    causes: [],
    others: 0,
  };
  const explanation: Explanation = { subject, health: { state: 'failing', message: hostile }, findings: [finding] };
  // Colours of our own are off: the output of a test is no terminal.
  for (const text of [...explanationLines(explanation), ...briefLines(explanation)]) {
    assert.doesNotMatch(text, /\p{Cc}/u);
  }
});

test('a cause that several ways lead to is told once, with where they begin', () => {
  const one = (name: string, what: string, causes: readonly Finding[] = []): Finding => ({
    code: 'Test',
    subject: { kind: 'Service', namespace: 'shop', name },
    severity: 'problem',
    what,
    why: [],
    fix: [],
    causes,
    others: 0,
  });
  const cause = one('api', 'no pod is ready');
  const findings = [one('shop', 'a.example answers 503', [cause]), one('shop', 'b.example answers 503', [cause])];
  const { subject } = cause;
  const text = explanationLines({ subject, health: { state: 'failing', message: '' }, findings }).join('\n');
  assert.equal(text.split('The cause: service/api: no pod is ready').length, 2, text);
  assert.match(text, /likewise service\/shop: b\.example answers 503/);
});
