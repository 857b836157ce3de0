/** Which finalizer keeps which storage object, or group of pods, while somebody uses it, by collection. Set at its creation, taken away by a control loop. */
export const protectionFinalizers = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
  'podgroups.scheduling.k8s.io': 'scheduling.k8s.io/podgroup-protection',
} as const;
