import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { simulatedSettings, templateOf } from './simulated-nodes.ts';

const head = 'apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\n';

function inFolder(files: Readonly<Record<string, string>>, act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-test-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return act(folder).finally(() => rmSync(folder, { recursive: true }));
}

test('a template is kept by its whole path, with the number of its nodes, until none is named', () =>
  inFolder({ 'nodes.yaml': `${head}nodes: [{count: 7}]` }, async (folder) => {
    const file = path.join(folder, 'nodes.yaml');
    const kept = { simulatedNodes: 7, simulatedNodeTemplate: file };
    const fresh = { simulatedNodes: 3 };
    assert.deepEqual(await simulatedSettings(fresh, { simulatedNodeTemplate: 'nodes.yaml' }, folder), kept);
    assert.deepEqual(await simulatedSettings(kept, {}, '/'), kept);
    const plain = await simulatedSettings(kept, { simulatedNodeTemplate: '', simulatedNodes: 2 }, '/');
    assert.deepEqual(plain, { simulatedNodes: 2, simulatedNodeTemplate: undefined });
    assert.equal((await templateOf(file))?.templates[0]?.count, 7);
  }));

test('a template without a count takes it from the command line, and from the last one afterwards', () =>
  inFolder({ 'nodes.yaml': `${head}nodes: [{name: a, count: 2}, {name: b}]` }, async (folder) => {
    const options = { simulatedNodeTemplate: 'nodes.yaml', simulatedNodes: 9 };
    const kept = await simulatedSettings({ simulatedNodes: 0 }, options, folder);
    assert.equal(kept.simulatedNodes, 9);
    assert.equal((await simulatedSettings(kept, {}, '/')).simulatedNodes, 9);
    assert.equal((await simulatedSettings(kept, { simulatedNodes: 12 }, '/')).simulatedNodes, 12);
  }));

test('a file that cannot be used is refused with its name, the place and the way out', () =>
  inFolder({ 'nodes.yaml': `${head}nodes: [{cpuu: 4}]`, 'fits.yaml': `${head}nodes: [{count: 3}]` }, async (folder) => {
    const refused = (simulatedNodeTemplate: string, simulatedNodes?: number) =>
      simulatedSettings(
        { simulatedNodes: 0 },
        { simulatedNodeTemplate, ...(simulatedNodes && { simulatedNodes }) },
        folder,
      );
    await assert.rejects(refused('nodes.yaml'), {
      name: 'UserError',
      message: new RegExp(
        `^--simulated-node-template names ${folder}/nodes.yaml, which cannot be used: nodes\\[0\\]\\.cpuu: unknown`,
      ),
    });
    await assert.rejects(refused('gone.yaml'), { message: /it cannot be read \(ENOENT\)$/ });
    await assert.rejects(refused('fits.yaml', 4), {
      message: /the counts make 3, and --simulated-nodes says 4; leave one/,
    });
  }));
