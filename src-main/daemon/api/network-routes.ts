/** `/networks/…` (moby api/server/router/network). */
import { z } from 'zod';
import type {
  EndpointRequest,
  NetworkController,
  NetworkCreateRequest,
} from '../network/network-controller.ts';
import type { ApiRequest } from './request.ts';
import { del, get, post, type Route } from './route.ts';

const createSchema = z.looseObject({
  Name: z.string().default(''),
  Driver: z.string().optional(),
  Internal: z.boolean().optional(),
  Attachable: z.boolean().optional(),
  CheckDuplicate: z.boolean().optional(),
  Ingress: z.boolean().optional(),
  Scope: z.string().optional(),
  ConfigOnly: z.boolean().optional(),
  ConfigFrom: z.looseObject({ Network: z.string().optional() }).nullish(),
  EnableIPv6: z.boolean().nullish(),
  Options: z.record(z.string(), z.string()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  IPAM: z
    .looseObject({
      Driver: z.string().optional(),
      Config: z.array(z.record(z.string(), z.unknown())).nullish(),
      Options: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

const connectSchema = z.looseObject({
  Container: z.string(),
  EndpointConfig: z.looseObject({}).nullish(),
  Force: z.boolean().optional(),
});

/** How the network router finds containers and tells them of live changes. */
export interface NetworkContainers {
  /** Attaches now when it runs, and from every start on. */
  connect(network: string, container: string, endpoint: EndpointRequest): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
}

export function networkRoutes(
  networks: NetworkController,
  containers: NetworkContainers,
): readonly Route[] {
  const id = (request: ApiRequest): string => request.parameter('id');
  const list = async (request: ApiRequest): Promise<void> =>
    request.json(await networks.list(request.filters()));
  return [
    get('/networks', list),
    get('/networks/', list),
    post('/networks/create', async (request) => {
      const body = await request.body(createSchema);
      request.json(await networks.create(body as unknown as NetworkCreateRequest), 201);
    }),
    post('/networks/prune', async (request) =>
      request.json({ NetworksDeleted: await networks.prune(request.filters()) }),
    ),
    post('/networks/{id}/connect', async (request) => {
      const body = await request.body(connectSchema);
      await containers.connect(id(request), body.Container, body.EndpointConfig ?? {});
      request.empty(200);
    }),
    post('/networks/{id}/disconnect', async (request) => {
      const body = await request.body(connectSchema);
      await containers.disconnect(id(request), body.Container, body.Force ?? false);
      request.empty(200);
    }),
    get('/networks/{id}', async (request) =>
      request.json(
        await networks.inspect(id(request), {
          verbose: request.flag('verbose'),
          scope: request.text('scope'),
        }),
      ),
    ),
    del('/networks/{id}', async (request) => {
      await networks.remove(id(request));
      request.empty(204);
    }),
  ];
}
