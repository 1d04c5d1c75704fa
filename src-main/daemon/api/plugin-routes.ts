/** `/plugins/…`: managed plugins, of which there are none; those found by socket or spec have no routes in Docker either. */
import { internal, notFound, notImplemented } from '../../../shared/errors.ts';
import type { ApiRequest } from './request.ts';
import { del, get, post, type Route } from './route.ts';

function none(request: ApiRequest): never {
  throw notFound(`plugin "${request.parameter('name')}" not found`);
}

const notManaged = (): never => {
  throw notImplemented(
    'plugins cannot be installed into this daemon; run one and it is found by its socket in /run/docker/plugins or its .spec or .json file in /etc/docker/plugins',
  );
};

function enable(request: ApiRequest): never {
  const timeout = request.text('timeout');
  if (!/^-?\d+$/.test(timeout))
    throw internal(`strconv.Atoi: parsing "${timeout}": invalid syntax`);
  return none(request);
}

export const pluginRoutes: readonly Route[] = [
  get('/plugins', (request) => request.json([])),
  get('/plugins/privileges', notManaged),
  post('/plugins/pull', notManaged),
  post('/plugins/create', notManaged),
  get('/plugins/{name...}/json', none),
  post('/plugins/{name...}/enable', enable),
  post('/plugins/{name...}/disable', none),
  post('/plugins/{name...}/push', none),
  post('/plugins/{name...}/upgrade', notManaged),
  post('/plugins/{name...}/set', none),
  del('/plugins/{name...}', none),
];
