/** Questions to registries that touch no image here: log in, search, look at a manifest (moby registry/service.go). */
import type { RegistryAuth } from '../image/image-service.ts';
import { type DistributionInspect, inspectDistribution } from './inspect-distribution.ts';
import { type LoginAnswer, login } from './login.ts';
import { type SearchRequest, type SearchRow, searchRegistry } from './search.ts';
import type { RegistryAccess } from './try-endpoints.ts';

export interface RegistryService {
  login(auth: RegistryAuth, signal: AbortSignal): Promise<LoginAnswer>;
  inspect(name: string, auth: RegistryAuth, signal: AbortSignal): Promise<DistributionInspect>;
  search(request: SearchRequest): Promise<readonly SearchRow[]>;
}

export function createRegistryService(access: RegistryAccess): RegistryService {
  return {
    login: (auth, signal) => login(access, auth, signal),
    inspect: (name, auth, signal) => inspectDistribution(access, name, auth, signal),
    search: (request) => searchRegistry(access, request),
  };
}
