/** `/volumes/…` (moby api/server/router/volume). */
import { z } from 'zod';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { VolumeService } from '../volume/volume-service.ts';
import type { ApiRequest } from './request.ts';
import { del, get, post, type Route } from './route.ts';

const createSchema = z.looseObject({
  Name: z.string().optional(),
  Driver: z.string().optional(),
  DriverOpts: z.record(z.string(), z.string()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
});

function filtersOf(request: ApiRequest): ReturnType<ApiRequest['filters']> {
  try {
    return request.filters();
  } catch (error) {
    throw invalidArgument(`error reading volume filters: ${errorMessage(error)}`, { cause: error });
  }
}

export function volumeRoutes(volumes: VolumeService): readonly Route[] {
  return [
    get('/volumes', async (request) => request.json(await volumes.list(filtersOf(request)))),
    post('/volumes/create', async (request) => {
      const { Name, Driver, DriverOpts, Labels } = await request.body(createSchema);
      const volume = await volumes.create({
        ...(Name === undefined ? {} : { Name }),
        ...(Driver === undefined ? {} : { Driver }),
        DriverOpts: DriverOpts ?? null,
        Labels: Labels ?? null,
      });
      request.json(volume, 201);
    }),
    post('/volumes/prune', async (request) =>
      request.json(
        await volumes.prune(request.filters(), { onlyAnonymous: request.isAtLeast(42) }),
      ),
    ),
    get('/volumes/{name}', async (request) =>
      request.json(await volumes.inspect(request.parameter('name'))),
    ),
    del('/volumes/{name}', async (request) => {
      await volumes.remove(request.parameter('name'), request.flag('force'));
      request.empty(204);
    }),
  ];
}
