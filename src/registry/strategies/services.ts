/** Services, and beside them Endpoints and EndpointSlices. */
import { isDns1123Label } from '../../api/names.ts';
import type { Endpoints, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import {
  setEndpointSliceDefaults,
  setEndpointsDefaults,
  setServiceDefaults,
  setServiceStatusDefaults,
} from '../defaults/network.ts';
import { type Draft, sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import {
  endpointSliceWarnings,
  endpointsWarnings,
  validateEndpointSlice,
  validateEndpointSliceUpdate,
  validateEndpoints,
} from '../validation/endpoints.ts';
import { validateService } from '../validation/service.ts';
import { serviceWarnings, validateServiceStatus, validateServiceUpdate } from '../validation/service-update.ts';
import { allocateForService } from './service-allocation.ts';
import { settleFamilies } from './service-families.ts';
import { carryOver, fillAddresses } from './service-fields.ts';

export const serviceStrategy: Strategy<Service> = {
  allowCreateOnUpdate: true,
  returnDeletedObject: true,
  nameErrors: isDns1123Label,
  updateRules: 'change first',
  setDefaults: setServiceDefaults,
  prepareForCreate(service, { serviceFamilies }) {
    if (service.spec) fillAddresses(service.spec);
    settleFamilies(service, serviceFamilies);
  },
  prepareForUpdate: (service, old, { serviceFamilies }) => carryOver(service, old, serviceFamilies),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  prepareForStatusUpdate: setServiceStatusDefaults,
  validateStatusUpdate: validateServiceStatus,
  allocate: (service, old, { reservations }) => allocateForService(service, old?.spec, reservations),
  warnings: serviceWarnings,
  fields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
};

export const endpointsStrategy: Strategy<Endpoints> = {
  allowCreateOnUpdate: true,
  setDefaults: setEndpointsDefaults,
  validate: validateEndpoints,
  warnings: endpointsWarnings,
};

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  generation: true,
  setDefaults: setEndpointSliceDefaults,
  prepareForCreate: dropTopology,
  prepareForUpdate(slice, old) {
    const same = (field: 'endpoints' | 'ports' | 'addressType'): boolean => sameJson(slice[field], old[field]);
    if (!same('endpoints')) dropTopology(slice);
    // The labels say which Service the slice is of: they count as content.
    if (!same('endpoints') || !same('ports') || !same('addressType')) return;
    if (sameJson(slice.metadata?.labels ?? {}, old.metadata?.labels ?? {})) return;
    if (slice.metadata) slice.metadata.generation = (slice.metadata.generation ?? 0) + 1;
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  warnings: endpointSliceWarnings,
};

/** A field of the version before v1, which nobody may bring in any more. */
function dropTopology({ endpoints = [] }: Draft<EndpointSlice>): void {
  for (const endpoint of endpoints) delete endpoint.deprecatedTopology;
}
