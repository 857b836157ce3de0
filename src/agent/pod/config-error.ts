/** The pod asks for what cannot be had (yet): a missing ConfigMap, a user that may not run. Tried again after a back-off. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** A volume cannot be mounted (yet). The message is for the FailedMount event. */
export class VolumeError extends Error {
  override name = 'VolumeError';
}
