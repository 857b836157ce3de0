/**
 * What the documents say in words: only of what every object has, since everybody meets it and `kubectl explain` of a custom resource would
 * stand there with half of its lines empty. Each begins as Go's comments do, with the name, which is what clients and tests look for.
 */

export const typeMetaDescriptions = {
  apiVersion: 'APIVersion defines the group and version whose schema the object follows, as in apps/v1.',
  kind: 'Kind is the name of the type of the object, in CamelCase.',
  metadata: "Standard object's metadata: its name, its labels, and what the server keeps about it.",
  listMetadata: 'Standard list metadata: the version of the list, and where its next part begins.',
} as const;

/** By type and field. */
export const fieldDescriptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': {
    annotations: 'Annotations is a map of texts for programs and people, which nothing is selected by.',
    creationTimestamp: 'CreationTimestamp is a timestamp of when the server created the object.',
    deletionGracePeriodSeconds: 'DeletionGracePeriodSeconds is how long the object may take to end once it is deleted.',
    deletionTimestamp:
      'DeletionTimestamp is when the object is to be gone; set by the server when somebody deletes it.',
    finalizers: 'Finalizers must be empty before a deleted object goes: each names who has something to do before.',
    generateName: 'GenerateName is what a name made by the server begins with, where no name is given.',
    generation: 'Generation counts changes of what is wanted of the object.',
    labels: 'Labels is a map of short texts by which objects are found and selected.',
    managedFields: 'ManagedFields says who set which fields.',
    name: 'Name must be unique in the namespace, and never changes.',
    namespace: 'Namespace in which the name is unique; empty for what belongs to the whole cluster.',
    ownerReferences: 'OwnerReferences lists the objects with which this one is deleted.',
    resourceVersion: 'ResourceVersion changes with every write, and says what a writer had seen.',
    selfLink: 'SelfLink is no longer set.',
    uid: 'UID tells this object from all others, past and future, whatever their names.',
  },
};
