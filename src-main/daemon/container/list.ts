/** `ps`: rows, filters, human status (moby daemon/list.go, container/state.go String). */
import type { ContainerSummary, Port } from '../../../shared/engine/engine-api.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { Filters } from './container-service.ts';
import { isRunning } from './container-state.ts';
import { humanDuration } from './human-duration.ts';
import { networksOf, sizesOf, wireMounts } from './inspect.ts';
import { linkNames } from './links.ts';
import { buildFilter } from './list-filter.ts';

export interface ListOptions {
  readonly all: boolean;
  readonly limit: number;
  readonly size: boolean;
  readonly filters: Filters;
}

/** Rows, newest first. */
export async function listContainers(
  context: ContainerContext,
  options: ListOptions,
): Promise<readonly ContainerSummary[]> {
  const filter = buildFilter(context, options.filters);
  // Asking for a state, or for the last n, looks at stopped ones too.
  const includesStopped = options.all || options.limit > 0 || filter.namesState;
  const chosen = context.registry
    .all()
    .filter((container) => includesStopped || isRunning(container.state))
    .filter(filter.accepts)
    .sort((a, b) => b.record.created.localeCompare(a.record.created));
  const limited = options.limit > 0 ? chosen.slice(0, options.limit) : chosen;
  return Promise.all(limited.map((container) => summary(context, container, options.size)));
}

async function summary(
  context: ContainerContext,
  container: Container,
  withSize: boolean,
): Promise<ContainerSummary> {
  const { record } = container;
  const row = {
    Id: record.id,
    Names: [`/${record.name}`, ...linkNames(context.registry, container)].sort(),
    Image: imageLabel(context, container),
    ImageID: record.imageId,
    Command: commandLine(container),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: portRows(container),
    Labels: record.config.Labels ?? {},
    State: container.state.kind,
    Status: humanStatus(container),
    HostConfig: { NetworkMode: record.hostConfig.NetworkMode ?? 'default' },
    NetworkSettings: { Networks: networksOf(container) },
    Mounts: wireMounts(record.mounts),
    ...(withSize ? withoutZero(await sizesOf(context, container)) : {}),
  };
  return row as ContainerSummary;
}

/** A size of nothing is left out. */
const withoutZero = (sizes: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(sizes).filter(([, bytes]) => bytes !== 0));

/** The name the user gave, unless it has come to mean another image. */
function imageLabel(context: ContainerContext, container: Container): string {
  const { imageName, imageId } = container.record;
  if (imageName === imageId || imageId === '') return imageName || imageId;
  return context.images.namesOf(imageId).some((name) => namesSame(name, imageName))
    ? imageName
    : imageId;
}

const namesSame = (full: string, short: string): boolean =>
  [stripHub(short), `${stripHub(short)}:latest`].includes(stripHub(full));

const stripHub = (name: string): string => name.replace(/^(docker\.io\/)?(library\/)?/, '');

/** Arguments with spaces are quoted, as Docker shows them. */
function commandLine(container: Container): string {
  const { path, args } = container.record;
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

function portRows(container: Container): Port[] {
  const ports = container.progress.sandbox?.ports ?? {};
  return Object.entries(ports).flatMap(([name, bindings]) => {
    const [number = '0', type = 'tcp'] = name.split('/');
    const base = { PrivatePort: Number(number), Type: type as Port['Type'] };
    if (!bindings) return [base];
    return bindings.map((host) => ({
      ...base,
      IP: host.HostIp,
      PublicPort: Number(host.HostPort),
    }));
  });
}

/** `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`, … */
function humanStatus(container: Container, now = Date.now()): string {
  const { state } = container;
  const since = (time: string): string => humanDuration(now - Date.parse(time));
  switch (state.kind) {
    case 'created':
      return 'Created';
    case 'running': {
      const health = container.live.health?.status();
      const suffix = health === undefined ? '' : ` (${healthWord(health)})`;
      return `Up ${since(state.startedAt)}${suffix}`;
    }
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.lastRun.exitCode}) ${since(state.lastRun.finishedAt)} ago`;
    case 'exited':
      return `Exited (${state.lastRun.exitCode}) ${since(state.lastRun.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
  }
}

const healthWord = (health: string): string =>
  health === 'starting' ? 'health: starting' : health;
