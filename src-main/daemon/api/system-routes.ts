/** `/_ping`, `/version`, `/info`, `/events`, `/system/df`, and what this daemon is not (moby api/server/router/system). */
import { notImplemented, unavailable } from '../../../shared/errors.ts';
import type { EngineEvent, EventBus } from '../event/event-bus.ts';
import { eventFilter } from './event-filter.ts';
import { JsonStream } from './json-stream.ts';
import type { ApiRequest } from './request.ts';
import { get, head, post, type Route, route } from './route.ts';
import { parseTimestamp } from './timestamp.ts';

/** Facts only the daemon as a whole knows. */
export interface SystemBackend {
  info(): Promise<object>;
  version(): Promise<object>;
  diskUsage(): Promise<object>;
}

function ping(request: ApiRequest): void {
  const { response } = request;
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.setHeader('Pragma', 'no-cache');
  response.setHeader('Builder-Version', '');
  response.setHeader('Swarm', 'inactive');
  const isHead = request.incoming.method === 'HEAD';
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': isHead ? 0 : 2,
  });
  response.end(isHead ? undefined : 'OK');
}

async function events(bus: EventBus, request: ApiRequest): Promise<void> {
  const since = parseTimestamp(request.text('since'));
  const until = parseTimestamp(request.text('until'));
  const accepts = eventFilter(request.filters());
  const stream = new JsonStream(request);
  const queue: EngineEvent[] = [];
  let wake: () => void = () => undefined;
  using subscription = bus.subscribe(
    (event) => {
      queue.push(event);
      wake();
    },
    {
      ...(since === undefined ? {} : { sinceNano: since }),
      ...(until === undefined ? {} : { untilNano: until }),
    },
  );
  stream.open();
  for (const event of subscription.backlog) if (accepts(event)) await stream.send(event);
  const end = new AbortController();
  const untilMs = until === undefined ? undefined : Number(until / 1_000_000n) - Date.now();
  const timer =
    untilMs === undefined ? undefined : setTimeout(() => end.abort(), Math.max(untilMs, 0));
  const stop = AbortSignal.any([request.signal, end.signal]);
  stop.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!stop.aborted) {
      const event = queue.shift();
      if (event) {
        if (accepts(event)) await stream.send(event);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (stop.aborted) resolve();
      });
    }
  } finally {
    clearTimeout(timer);
    request.response.end();
  }
}

const noSwarm = (): never => {
  throw unavailable(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

const notHere = (what: string) => (): never => {
  throw notImplemented(`${what} is not part of this daemon yet`);
};

export function systemRoutes(system: SystemBackend, bus: EventBus): readonly Route[] {
  const methods = ['GET', 'POST', 'DELETE'];
  const swarm = ['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'].flatMap((resource) =>
    methods.flatMap((method) => [
      route(method, `/${resource}`, noSwarm),
      route(method, `/${resource}/{rest...}`, noSwarm),
    ]),
  );
  return [
    get('/_ping', ping),
    head('/_ping', ping),
    get('/version', async (request) => request.json(await system.version())),
    get('/info', async (request) => request.json(await system.info())),
    get('/system/df', async (request) => request.json(await system.diskUsage())),
    get('/events', (request) => events(bus, request)),
    get('/plugins', (request) => request.json([])),
    post('/build', notHere('building images')),
    post('/session', notHere('the build session')),
    post('/grpc', notHere('the build service')),
    post('/commit', notHere('commit')),
    ...swarm,
  ];
}
