/**
 * The cluster's network settings: ConfigMap `kube-system/naru-network`, key `network.yaml`; all of it optional, and read again whenever it changes. Each
 * section is parsed by the part that it is for. A section that is wrong keeps its last good value, and an event on the ConfigMap says what is wrong.
 *
 * To add a section: a file with its type, its defaults and `parse` (`settings-fields.ts` reads fields), and its name in `sectionNames`.
 */

/** Of nodes and of the control plane: what is none of these is a fault of whoever wrote it, and told. */
export const sectionNames = [
  'podNetwork',
  'proxy',
  'dns',
  'draining',
  'policy',
  'gateway',
  'ingress',
  'acme',
  'loadBalancer',
  'externalDns',
] as const;

/** One section of the settings: pure. */
export interface Section<T> {
  readonly defaults: T;
  /** @throws Error, one sentence that names the field and what it takes */
  parse(value: unknown): T;
}

/** A section as it is now. */
export interface SectionSource<T> {
  readonly current: T;
  /** Is called when it has another value than before. The result ends that. */
  onChange(changed: (value: T) => void): () => void;
}

export interface NetworkConfigurationSource {
  /** Settings of a part by the section's name in the file, as `dns`. */
  section<T>(name: string, section: Section<T>): SectionSource<T>;
}
