/**
 * `--link` on the default bridge: another container is known by an alias, in names (`/web/db`), in the hosts
 * file and in variables (moby daemon/links.go, daemon_unix.go registerLinks, container_operations_unix.go).
 * On networks of the user's own a link is an alias in the name service instead.
 */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { changeHosts, moveHost } from '../network/hosts-file.ts';
import type { SandboxState } from '../network/network-controller.ts';
import type { Container, ContainerLink } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { ContainerRegistry } from './container-registry.ts';
import { isLive } from './container-state.ts';
import { linkVariables } from './link-variables.ts';

const BRIDGE = 'bridge';
const MODES_WITH_LINKS = ['', 'default', BRIDGE, 'none', 'host'];

/** `name:alias`, or a name that is its own alias. Throws Docker's words for anything else. */
function parseLink(text: string): { name: string; alias: string } {
  if (text === '') throw invalidArgument('empty string specified for links');
  const [name = '', alias = name, ...rest] = text.split(':');
  if (rest.length > 0) throw invalidArgument(`bad format for links: ${text}`);
  return { name, alias: alias.slice(alias.lastIndexOf('/') + 1) };
}

function linkedContainer(registry: ContainerRegistry, name: string): Container {
  try {
    if (name === '') throw invalidArgument('invalid name or ID supplied: ""');
    return registry.find(name);
  } catch (error) {
    // Not "not found": a client would take that for the image.
    throw invalidArgument(`could not get container for ${name}: ${errorMessage(error)}`);
  }
}

/** The links a new container gets; the first with an alias has it. Throws when a container is not there. */
export function resolveLinks(
  hostConfig: HostConfig,
  registry: ContainerRegistry,
): readonly ContainerLink[] {
  if (!MODES_WITH_LINKS.includes(hostConfig.NetworkMode ?? '')) return [];
  const links = new Map<string, ContainerLink>();
  for (const text of hostConfig.Links ?? []) {
    const { name, alias } = parseLink(text);
    const child = linkedContainer(registry, name);
    if (!links.has(alias)) links.set(alias, { containerId: child.id, name: child.name, alias });
  }
  return [...links.values()];
}

const linksOf = ({ record }: Container): readonly ContainerLink[] => record.links ?? [];

/** `/web/db` of every link to a container. */
export const linkNames = (registry: ContainerRegistry, child: Container): readonly string[] =>
  parentsOf(registry, child).map(({ parent, alias }) => `/${parent.name}/${alias}`);

/** `/db:/web/db`, as inspect shows them. */
export const shownLinks = (container: Container): string[] | null => {
  const links = linksOf(container).map(({ name, alias }) => `/${name}:/${container.name}/${alias}`);
  return links.length === 0 ? null : links;
};

function parentsOf(
  registry: ContainerRegistry,
  child: Container,
): { parent: Container; alias: string }[] {
  return registry.all().flatMap((parent) =>
    linksOf(parent)
      .filter(({ containerId }) => containerId === child.id)
      .map(({ alias }) => ({ parent, alias })),
  );
}

interface LiveLink {
  readonly alias: string;
  readonly child: Container;
  readonly ip: string;
}

/** The links of a container on the default bridge. Throws internal when one leads to what does not run. */
function liveLinks(context: ContainerContext, container: Container): LiveLink[] {
  if (!container.record.endpoints[BRIDGE]) return [];
  return linksOf(container).map(({ containerId, name, alias }) => {
    const child = context.registry.get(containerId);
    if (child && !child.record.endpoints[BRIDGE])
      throw internal(`Cannot link to /${name}, as it does not belong to the default network`);
    if (!child || !isLive(child.state))
      throw internal(
        `Cannot link to a non running container: /${name} AS /${container.name}/${alias}`,
      );
    const ip = child.progress.sandbox?.networks[BRIDGE]?.IPAddress ?? '';
    return { alias, child, ip };
  });
}

/** Variables that tell of the linked containers. Throws internal when one of them does not run. */
export const linkEnvironment = (context: ContainerContext, container: Container): string[] =>
  liveLinks(context, container).flatMap(({ alias, child, ip }) =>
    linkVariables({
      ip,
      name: `/${container.name}/${alias}`,
      alias,
      env: child.record.config.Env ?? [],
      ports: Object.keys(child.record.config.ExposedPorts ?? {}),
    }),
  );

const hostNames = ({ alias, child }: LiveLink): string =>
  [alias, child.record.config.Hostname ?? '', ...(alias === child.name ? [] : [child.name])].join(
    ' ',
  );

/** `names:address` for the hosts file, as `--add-host` writes it. */
export const linkHosts = (context: ContainerContext, container: Container): readonly string[] =>
  liveLinks(context, container).map((link) => `${hostNames(link)}:${link.ip}`);

/** Tells the running containers that link to this one where it is now. */
export async function tellParents(
  context: ContainerContext,
  child: Container,
  sandbox: SandboxState,
): Promise<void> {
  const ip = sandbox.networks[BRIDGE]?.IPAddress ?? '';
  if (ip === '') return;
  for (const { parent, alias } of parentsOf(context.registry, child)) {
    const hosts = parent.progress.sandbox?.hostsPath;
    if (!hosts || !isLive(parent.state)) continue;
    await moveHost(hosts, alias, ip).catch((error: unknown) =>
      context.log.warn('hosts file of a linked container is not up to date', {
        container: parent.id,
        error: errorMessage(error),
      }),
    );
  }
}

/** The containers that link to this one keep its new name. */
export async function renameInLinks(context: ContainerContext, child: Container): Promise<void> {
  const parents = new Set(parentsOf(context.registry, child).map(({ parent }) => parent));
  for (const parent of parents) {
    await parent.lock.run(async () => {
      parent.record.links = linksOf(parent).map((link) =>
        link.containerId === child.id ? { ...link, name: child.name } : link,
      );
      await context.store.saveRecord(parent.record);
    });
  }
}

/** `docker rm --link web/db`: the link goes, both containers stay. */
export async function removeLink(context: ContainerContext, name: string): Promise<void> {
  const path = name.replace(/^\//, '');
  const slash = path.lastIndexOf('/');
  if (slash < 0) throw internal('Conflict, cannot remove the default link name of the container');
  const parent = context.registry.find(path.slice(0, slash));
  const alias = path.slice(slash + 1);
  await parent.lock.run(async () => {
    const hosts = isLive(parent.state) ? parent.progress.sandbox?.hostsPath : undefined;
    const link = linksOf(parent).find((one) => one.alias === alias);
    const child = link && context.registry.get(link.containerId);
    const ip = child?.progress.sandbox?.networks[BRIDGE]?.IPAddress;
    parent.record.links = linksOf(parent).filter((one) => one !== link);
    await context.store.saveRecord(parent.record);
    if (hosts && child && ip)
      await changeHosts(hosts, { remove: [{ ip, names: hostNames({ alias, child, ip }) }] });
  });
}
