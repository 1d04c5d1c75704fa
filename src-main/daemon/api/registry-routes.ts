/** `/auth`, `/distribution/…` and `/images/search` (moby api/server/router/{system,distribution,image}). */
import type { RegistryService } from '../distribution/registry-service.ts';
import { authOf, authSchema } from './registry-auth-header.ts';
import { get, post, type Route } from './route.ts';

const SEARCH_LIMIT = 25;

/** Must stand before the image routes: `search` is no image. */
export function registryRoutes(registries: RegistryService): readonly Route[] {
  return [
    post('/auth', async (request) => {
      const auth = await request.body(authSchema, { goType: 'AuthConfig' });
      request.json(await registries.login(auth, request.signal));
    }),
    get('/distribution/{name...}/json', async (request) =>
      request.json(
        await registries.inspect(request.parameter('name'), authOf(request) ?? {}, request.signal),
      ),
    ),
    get('/images/search', async (request) =>
      request.json(
        await registries.search({
          term: request.text('term'),
          limit: request.integer('limit') ?? SEARCH_LIMIT,
          filters: request.filters(),
          auth: authOf(request) ?? {},
          signal: request.signal,
        }),
      ),
    ),
  ];
}
