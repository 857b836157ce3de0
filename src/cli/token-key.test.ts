import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { homeOf } from '../home.ts';
import { openKeyBlocks, openSigningKeys } from '../server/service-accounts/signing-key.ts';
import { addTokenKey, listTokenKeys, removeTokenKey, useTokenKey } from './token-key.ts';

function fixture(context: TestContext) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-token-key-'));
  context.after(() => rmSync(root, { recursive: true }));
  const lines: string[] = [];
  context.mock.method(console, 'log', (line: string) => void lines.push(line));
  return { home: homeOf(root), lines };
}

test('the commands add a key, let it sign, and remove the old one; each says what comes next', async (context) => {
  const { home, lines } = fixture(context);
  await assert.rejects(listTokenKeys(home), /there are no keys in .* yet; the first start makes one: naru up/);
  const [first] = await openKeyBlocks(home.tokenKey);
  const old = first?.key.id ?? '';
  await addTokenKey(home);
  const fresh = (await openSigningKeys(home.tokenKey)).all[1]?.id ?? '';
  assert.match(lines.at(-1) ?? '', new RegExp(`naru token-key use ${fresh}$`));
  await assert.rejects(useTokenKey(home, fresh, {}), /try again in 60 minutes, or take the risk: --force$/);
  await useTokenKey(home, fresh, { force: true });
  const { signing, all } = await openSigningKeys(home.tokenKey);
  assert.deepEqual([signing.id, all.map(({ id }) => id)], [fresh, [fresh, old]]);
  await assert.rejects(removeTokenKey(home, fresh, {}), /let another one sign first$/);
  await assert.rejects(removeTokenKey(home, old, {}), /may hold for 365 more days, or take the risk: --force$/);
  lines.length = 0;
  await listTokenKeys(home);
  assert.match(lines[1] ?? '', new RegExp(`^${fresh} +ES256 +signs +\\S+Z +-$`));
  assert.match(lines[2] ?? '', new RegExp(`^${old} +ES256 +verifies +- +\\S+Z$`));
  await removeTokenKey(home, old, { force: true });
  assert.deepEqual(
    (await openSigningKeys(home.tokenKey)).all.map(({ id }) => id),
    [fresh],
  );
});
