/** `/_ping`, `/version`, `/info`, `/events`, `/system/df`, and what this daemon is not (moby api/server/router/system). */
import { EngineError, internal, invalidArgument, notImplemented } from '../../../shared/errors.ts';
import type { EngineEvent, EventBus } from '../event/event-bus.ts';
import { eventFilter } from './event-filter.ts';
import { JsonStream } from './json-stream.ts';
import type { ApiRequest } from './request.ts';
import { get, head, post, type Route } from './route.ts';
import { parseTimestamp } from './timestamp.ts';

const USAGE_TYPES = ['container', 'image', 'volume', 'build-cache'] as const;

/** What `/system/df` can be asked for since API 1.42. */
export type UsageType = (typeof USAGE_TYPES)[number];

/** Facts only the daemon as a whole knows. */
export interface SystemBackend {
  info(): Promise<{ readonly SecurityOptions: readonly string[] }>;
  version(): Promise<object>;
  /** Only of what is asked for; the rest is null. */
  diskUsage(types: ReadonlySet<UsageType>): Promise<object>;
}

function ping(request: ApiRequest): void {
  const { response } = request;
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.setHeader('Pragma', 'no-cache');
  response.setHeader('Swarm', 'inactive');
  const isHead = request.incoming.method === 'HEAD';
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': isHead ? 0 : 2,
  });
  response.end(isHead ? undefined : 'OK');
}

/** Before 1.25 security options were names only, and there was an execution driver. */
function infoFor(
  request: ApiRequest,
  info: { readonly SecurityOptions: readonly string[] },
): object {
  if (request.isAtLeast(25)) return info;
  return {
    ...info,
    ExecutionDriver: '<not supported>',
    SecurityOptions: info.SecurityOptions.map((option) => option.replace(/^name=([^,]*).*$/, '$1')),
  };
}

async function events(bus: EventBus, request: ApiRequest): Promise<void> {
  const since = parseTimestamp(request.text('since'));
  const until = parseTimestamp(request.text('until'));
  if (since !== undefined && until !== undefined && since > until)
    throw invalidArgument(
      `\`since\` time (${request.text('since')}) cannot be after \`until\` time (${request.text('until')})`,
    );
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

const notHere = (what: string) => (): never => {
  throw notImplemented(`${what} is not part of this daemon yet`);
};

/** The `type`s of a query; all when it names none. Throws invalidArgument for one there is not. */
function usageTypes(request: ApiRequest): ReadonlySet<UsageType> {
  const asked = request.isAtLeast(42) ? request.query.getAll('type') : [];
  const unknown = asked.find((type) => !(USAGE_TYPES as readonly string[]).includes(type));
  if (unknown !== undefined) throw invalidArgument(`unknown object type: ${unknown}`);
  return new Set(asked.length === 0 ? USAGE_TYPES : (asked as UsageType[]));
}

/** The build service lives on upgraded connections only; there is none here to upgrade to. */
const notUpgraded =
  (status: number) =>
  (request: ApiRequest): never => {
    if (!request.incoming.headers.upgrade)
      throw new EngineError('invalidArgument', 'no upgrade proto in request', { status });
    throw notImplemented('building images is not part of this daemon yet');
  };

export function systemRoutes(system: SystemBackend, bus: EventBus): readonly Route[] {
  return [
    get('/_ping', ping),
    head('/_ping', ping),
    get('/version', async (request) => request.json(await system.version())),
    get('/info', async (request) => request.json(infoFor(request, await system.info()))),
    get('/system/df', async (request) => request.json(await system.diskUsage(usageTypes(request)))),
    get('/events', (request) => events(bus, request)),
    post('/build', notHere('building images')),
    post('/build/prune', (request) => request.json({ CachesDeleted: null, SpaceReclaimed: 0 })),
    post('/build/cancel', (request) => {
      if (request.text('id') === '') throw internal('build ID not provided');
      request.empty(204);
    }),
    post('/session', notUpgraded(400)),
    post('/grpc', notUpgraded(500)),
  ];
}
