/** `/swarm`, `/services` and the like on a node that is in no swarm: each answers as dockerd's does there. */
import { internal, invalidArgument, notImplemented, unavailable } from '../../../shared/errors.ts';
import type { ApiRequest } from './request.ts';
import { post, type Route, route } from './route.ts';

const notManager = (): never => {
  throw unavailable(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

const noSwarm = (): never => {
  throw notImplemented(
    'swarm mode is not part of this daemon; containers, networks and volumes are',
  );
};

/** An update names the version it starts from. */
function checkVersion(what: string, request: ApiRequest): never {
  const version = request.text('version');
  if (!/^\d+$/.test(version))
    throw invalidArgument(
      `invalid ${what} version '${version}': strconv.ParseUint: parsing "${version}": invalid syntax`,
    );
  return notManager();
}

function logs(request: ApiRequest): never {
  if (!request.flag('stdout') && !request.flag('stderr'))
    throw internal('Bad parameters: you must choose at least one stream');
  return notManager();
}

/** Resource → what its update calls it. */
const RESOURCES: readonly (readonly [path: string, word: string])[] = [
  ['services', 'service'],
  ['nodes', 'node'],
  ['secrets', 'secret'],
  ['configs', 'config'],
];

export const swarmRoutes: readonly Route[] = [
  route('GET', '/swarm', notManager),
  post('/swarm/init', noSwarm),
  post('/swarm/join', noSwarm),
  post('/swarm/leave', () => {
    throw unavailable('This node is not part of a swarm');
  }),
  post('/swarm/update', (request) => checkVersion('swarm', request)),
  route('GET', '/swarm/unlockkey', notManager),
  post('/swarm/unlock', notManager),
  route('GET', '/tasks', notManager),
  route('GET', '/tasks/{id}', notManager),
  route('GET', '/tasks/{id}/logs', logs),
  route('GET', '/services/{id}/logs', logs),
  ...RESOURCES.flatMap(([path, word]) => [
    route('GET', `/${path}`, notManager),
    post(`/${path}/create`, notManager),
    route('GET', `/${path}/{id}`, notManager),
    route('DELETE', `/${path}/{id}`, notManager),
    post(`/${path}/{id}/update`, (request) => checkVersion(word, request)),
  ]),
];
