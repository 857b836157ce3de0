import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import { AdmissionConfiguration } from './configuration.ts';
import { latest } from './pod-security/policy.ts';
import { podSecuritySettings } from './pod-security/settings.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-admission-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const whole = path.join(folder, name);
  mkdirSync(path.dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
};

const settings = (text: string): JsonValue | undefined =>
  AdmissionConfiguration.read(file('admission.yaml', text)).settingsOf('PodSecurity', (value) => value);

const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n';

describe('the admission configuration', () => {
  test('holds settings of a plugin within it', () => {
    assert.deepEqual(settings(`${head}plugins:\n- name: Other\n- name: PodSecurity\n  configuration: {kind: X}\n`), {
      kind: 'X',
    });
  });

  test('names a file beside it that holds them', () => {
    file('more/pods.yaml', 'kind: Why\n');
    assert.deepEqual(settings(`${head}plugins:\n- name: PodSecurity\n  path: more/pods.yaml\n`), { kind: 'Why' });
    assert.deepEqual(settings(`${head}plugins:\n- name: PodSecurity\n  path: ${folder}/more/pods.yaml\n`), {
      kind: 'Why',
    });
  });

  test('says nothing of a plugin where it names none, where it has nothing for it, and where there is no file', () => {
    assert.equal(settings(head), undefined);
    assert.equal(settings(`${head}plugins:\n- name: PodSecurity\n`), undefined);
    assert.equal(
      AdmissionConfiguration.read(undefined).settingsOf('PodSecurity', () => assert.fail()),
      undefined,
    );
  });

  test('may be JSON, and of the older version', () => {
    const plugins = [{ name: 'PodSecurity', configuration: { kind: 'Z' } }];
    const apiVersion = 'apiserver.k8s.io/v1alpha1';
    assert.deepEqual(settings(JSON.stringify({ apiVersion, kind: 'AdmissionConfiguration', plugins })), { kind: 'Z' });
  });

  const refused: readonly (readonly [text: string, why: RegExp])[] = [
    ['kind: AdmissionConfiguration\n', /apiVersion and kind are expected/],
    ['apiVersion: v1\nkind: Pod\n', /no kind "Pod" is registered for version "v1"/],
    [`${head}plugin: []\n`, /strict decoding error: unknown field "plugin"/],
    [`${head}plugins:\n- name: A\n  nmae: B\n`, /unknown field "plugins\[0\]\.nmae"/],
    [`${head}plugins:\n- name: 1\n`, /plugins\[0\]\.name must be a string/],
    [`${head}plugins: yes please\n`, /plugins must be a list/],
    [`${head}kind: AdmissionConfiguration\n`, /duplicate|already/],
    ['- a\n', /a AdmissionConfiguration is expected/],
    [
      `${head}plugins:\n- name: PodSecurity\n  path: missing.yaml\n`,
      /missing\.yaml, plugin PodSecurity cannot be used: ENOENT/,
    ],
    [`${head}#${'x'.repeat(1024 * 1024)}\n`, /at most 1048576 are read/],
  ];
  for (const [text, why] of refused) {
    test(`is refused, with its name: ${String(why)}`, () => {
      assert.throws(
        () => settings(text),
        (error: Error) => {
          assert.match(error.message, /^admission control configuration \/.*cannot be used: /);
          assert.match(error.message, why);
          return true;
        },
      );
    });
  }

  test('that is not there is an error', () => {
    assert.throws(() => AdmissionConfiguration.read('/nowhere/a.yaml'), /\/nowhere\/a\.yaml cannot be used: ENOENT/);
  });
});

const kind = { apiVersion: 'pod-security.admission.config.k8s.io/v1', kind: 'PodSecurityConfiguration' };

describe('the settings of PodSecurity', () => {
  test('are privileged, the newest version, and exempt nobody where they say nothing', () => {
    const { defaults, exempt } = podSecuritySettings(kind);
    const nothing = { level: 'privileged', version: latest };
    assert.deepEqual(defaults, { enforce: nothing, audit: nothing, warn: nothing });
    assert.deepEqual([exempt.usernames.size, exempt.namespaces.size, exempt.runtimeClasses.size], [0, 0, 0]);
  });

  test('say what holds, and who is exempt', () => {
    const { defaults, exempt } = podSecuritySettings({
      ...kind,
      defaults: { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted', audit: '' },
      exemptions: { usernames: ['ann', 'bob'], namespaces: ['kube-system'], runtimeClasses: ['gvisor'] },
    });
    assert.deepEqual(defaults, {
      enforce: { level: 'baseline', version: 30 },
      audit: { level: 'privileged', version: latest },
      warn: { level: 'restricted', version: latest },
    });
    assert.deepEqual([...exempt.usernames], ['ann', 'bob']);
    assert.deepEqual([...exempt.namespaces], ['kube-system']);
    assert.deepEqual([...exempt.runtimeClasses], ['gvisor']);
  });

  const refused: readonly (readonly [fields: object, why: string])[] = [
    [
      { defaults: { enforce: 'all' } },
      'defaults.enforce: Invalid value: "all": must be one of privileged, baseline, restricted',
    ],
    [
      { defaults: { 'warn-version': '1.2' } },
      'defaults.warn-version: Invalid value: "1.2": must be "latest" or "v1.x"',
    ],
    [{ exemptions: { usernames: [''] } }, 'exemptions.usernames[0]: Invalid value: "": username must not be empty'],
    [{ exemptions: { namespaces: ['a', 'a'] } }, 'exemptions.namespaces[1]: Duplicate value: "a"'],
    [{ exemptions: { usernames: ['a', 1] } }, 'exemptions.usernames[1] must be a string'],
    [{ default: {} }, 'strict decoding error: unknown field "default"'],
    [{ defaults: { enforced: 'x' } }, 'strict decoding error: unknown field "defaults.enforced"'],
    [{ exemptions: { users: [] } }, 'strict decoding error: unknown field "exemptions.users"'],
  ];
  for (const [fields, why] of refused) {
    test(`are refused: ${why}`, () => {
      assert.throws(() => podSecuritySettings({ ...kind, ...fields }), { message: why });
    });
  }

  test('tell all that is wrong at once', () => {
    const exemptions = { namespaces: ['A'], runtimeClasses: ['B'] };
    assert.throws(
      () => podSecuritySettings({ ...kind, exemptions }),
      /^Error: \[exemptions\.namespaces\[0\]: Invalid value: "A": a lowercase RFC 1123 label .*, exemptions\.runtimeClasses\[0\]: Invalid value: "B": a lowercase RFC 1123 subdomain .*\]$/,
    );
  });
});
