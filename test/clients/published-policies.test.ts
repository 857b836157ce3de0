/**
 * The admission policy that the Gateway API publishes against unsafe upgrades of its definitions, applied as it is by the real kubectl 1.36.
 * It is read from the folder `shared/manifests` beside the project, where there is one.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root, TestCluster } from '../harness.ts';

const folder = path.join(root, '../shared/manifests/gateway-api');
const skip = existsSync(folder) ? false : 'there is no folder ../shared/manifests beside the project';
const policy = 'safe-upgrades.gateway.networking.k8s.io';
const definition = 'referencegrants.gateway.networking.k8s.io';

/** The definition of ReferenceGrants, as a release of the Gateway API has it. */
function released(version: string, channel: string): string {
  return readFileSync(path.join(folder, 'referencegrants.yaml'), 'utf8')
    .replaceAll('v0.0.0-dev', version)
    .replaceAll('channel: standard', `channel: ${channel}`);
}

describe('the Gateway API’s policy of safe upgrades', { timeout: 120_000, skip }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
    await cluster.mustKubectl('apply', '-f', path.join(folder, 'vap_safeupgrades.yaml'));
  });
  after(() => TestCluster.closeAll());

  const apply = (input: string) => cluster.kubectl(['apply', '--server-side', '-f', '-'], { input });
  const refusal = `The customresourcedefinitions "${definition}" is invalid: : ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: `;

  async function refused(version: string, channel: string, why: string): Promise<void> {
    const { code, stderr } = await apply(released(version, channel));
    assert.equal(code, 1);
    assert.ok(stderr.startsWith(refusal + why), stderr);
  }

  test('its expressions are right for the definitions', async () => {
    const found = await cluster.json<{ status?: { typeChecking?: object } }>(
      'get',
      'validatingadmissionpolicy',
      policy,
    );
    assert.deepEqual(found.status?.typeChecking, {});
  });

  test('old releases are refused, new ones taken, and what is there goes neither back nor to another channel', async () => {
    await refused('v0.0.0-dev', 'standard', 'Installing CRDs with version before v1.5.0 is prohibited by default.');
    const { code, stderr } = await apply(released('v1.5.0', 'standard'));
    assert.equal(code, 0, stderr);
    await refused('v1.3.0', 'standard', 'Installing CRDs with version before v1.5.0 is prohibited by default.');
    await refused(
      'v1.5.0',
      'experimental',
      'Installing experimental CRDs on top of standard channel CRDs is prohibited by default.',
    );
    const later = await apply(released('v1.6.0', 'standard'));
    assert.equal(later.code, 0, later.stderr);
  });

  test('a definition that it would refuse can be deleted', async () => {
    await cluster.mustKubectl('delete', 'crd', definition, '--timeout=20s');
  });
});
