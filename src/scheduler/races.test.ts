/** Answers that come late or never, for pods that went meanwhile and came again under their name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../client/client.ts';
import { unreachable } from '../client/errors.ts';
import { aroundCalls } from '../client/intercept.ts';
import { startScheduling } from './scheduler-testing.ts';

test('a pod made anew under its name keeps its room, whatever becomes of the binding of the one before', async () => {
  const [oldAnswer, newAnswer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let bindings = 0;
  const wrap = (client: Client): Client =>
    aroundCalls(client, async ({ verb, subresource, reference }, act) => {
      if (verb === 'createSubresource' && reference.name === 'a') {
        if (++bindings === 1) throw unreachable('nobody answers');
        await newAnswer.promise;
      }
      // The scheduler asks what became of the binding; the test's own questions come before and after.
      if (verb === 'get' && subresource === '' && reference.name === 'a' && bindings === 1) await oldAnswer.promise;
      return act();
    });
  const setting = await startScheduling(wrap);
  await setting.addNode('node', { cpu: '1', memory: '8Gi', pods: '110' });
  await setting.create('a');
  await setting.clock.advance(100);
  await setting.delete('a');
  await setting.create('a');
  await setting.clock.advance(100);
  assert.equal(bindings, 2);
  oldAnswer.resolve();
  await setting.clock.advance(0);
  await setting.create('b');
  await setting.clock.advance(5000);
  assert.equal(await setting.nodeOf('b'), undefined);
  newAnswer.resolve();
  await setting.clock.advance(5000);
  assert.equal(await setting.nodeOf('a'), 'node');
  assert.equal(await setting.nodeOf('b'), undefined);
  await setting.close();
});
