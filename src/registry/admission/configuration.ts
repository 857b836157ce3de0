/**
 * `--admission-control-config-file`: `apiserver.config.k8s.io/v1 AdmissionConfiguration`, the settings of admission plugins, each within
 * the file or in a file of its own, whose path counts from the folder of this one.
 *
 * ```yaml
 * apiVersion: apiserver.config.k8s.io/v1
 * kind: AdmissionConfiguration
 * plugins:
 *   - name: PodSecurity
 *     configuration: { apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, … }
 *   - name: Other
 *     path: other.yaml
 * ```
 * Read once, before anything starts: what cannot be used is an error then, and not at the first request. What stands there for plugins
 * that nobody asks about has no effect, as upstream.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { parseYaml } from '../../api/yaml.ts';
import { limits } from '../../lib/limits.ts';
import { checkFields, checkKind, objectsAt, textAt } from './settings-reading.ts';

export class AdmissionConfiguration {
  readonly #file: string;
  readonly #plugins: readonly JsonObject[];

  private constructor(file: string, plugins: readonly JsonObject[]) {
    this.#file = file;
    this.#plugins = plugins;
  }

  /** Without a file: all plugins as they are built in. @throws Error, one sentence that names the file */
  static read(file: string | undefined): AdmissionConfiguration {
    if (file === undefined) return new AdmissionConfiguration('', []);
    return within(file, () => {
      const versions = ['apiserver.config.k8s.io/v1', 'apiserver.k8s.io/v1alpha1'];
      const root = checkKind(readYaml(file), 'AdmissionConfiguration', versions);
      checkFields(root, '', ['apiVersion', 'kind', 'plugins']);
      const plugins = objectsAt(root, '', 'plugins');
      for (const [index, plugin] of plugins.entries()) {
        checkFields(plugin, `plugins[${index}]`, ['name', 'path', 'configuration']);
        textAt(plugin, `plugins[${index}]`, 'name');
        textAt(plugin, `plugins[${index}]`, 'path');
      }
      return new AdmissionConfiguration(file, plugins);
    });
  }

  /**
   * What `read` makes of the settings of a plugin, the first of that name; undefined where it has none.
   * @throws Error, one sentence that names the file that cannot be used
   */
  settingsOf<T>(name: string, read: (configuration: JsonValue) => T): T | undefined {
    const plugin = this.#plugins.find((one) => one['name'] === name);
    const { configuration, path: place } = plugin ?? {};
    if (configuration !== undefined && configuration !== null) {
      return within(this.#file, () => read(configuration), `, plugin ${name}`);
    }
    if (typeof place !== 'string' || place === '') return undefined;
    const file = path.resolve(path.dirname(this.#file), place);
    return within(file, () => read(readYaml(file)), `, plugin ${name}`);
  }
}

function within<T>(file: string, read: () => T, where = ''): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`admission control configuration ${file}${where} cannot be used: ${why}`, { cause: error });
  }
}

function readYaml(file: string): JsonValue {
  const { size } = statSync(file);
  const sizeMax = limits.configurationFileBytesMax;
  if (size > sizeMax) throw new Error(`it has ${size} bytes; at most ${sizeMax} are read`);
  const { value, duplicates } = parseYaml(readFileSync(file));
  if (duplicates.length > 0) throw new Error(`strict decoding error: ${duplicates.join(', ')}`);
  return value;
}
