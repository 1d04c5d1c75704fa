/** A plan as the body of `POST /containers/create`, and back from what the engine says of a container. */

import { publishedPorts, readPublished } from './ports.ts';
import { RUN_OPTIONS } from './run-options.ts';
import type { RunPlan } from './run-plan.ts';
import { quoteWord, splitWords } from './words.ts';

type Fields = Record<string, unknown>;

function put(body: Fields, path: string, value: unknown): void {
  if (value === undefined) return;
  const names = path.split('.');
  const field = names.pop() ?? '';
  let place = body;
  for (const name of names) {
    place[name] ??= {};
    place = place[name] as Fields;
  }
  place[field] = value;
}

const at = (body: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((place, name) => (place as Fields | undefined)?.[name], body);

/** Networks after the first: joined before the start. */
export const moreNetworks = (plan: RunPlan): readonly string[] =>
  plan.options['network']?.slice(1) ?? [];

export function createBody(plan: RunPlan): object {
  const all = (name: string): readonly string[] => plan.options[name] ?? [];
  const one = (name: string): string | undefined => all(name).at(-1) || undefined;
  const body: Fields = { Image: plan.image, HostConfig: {} };
  for (const { name, field, codec } of RUN_OPTIONS)
    if (field && all(name).length > 0) put(body, field, codec.write(all(name)));
  const command = splitWords(plan.command) ?? [];
  if (command.length > 0) body['Cmd'] = command;
  const entrypoint = splitWords(one('entrypoint') ?? '') ?? [];
  if (entrypoint.length > 0) body['Entrypoint'] = entrypoint;
  const check = one('health-cmd');
  if (one('no-healthcheck') === 'true') body['Healthcheck'] = { Test: ['NONE'] };
  else if (check) put(body, 'Healthcheck.Test', ['CMD-SHELL', check]);

  const { bindings, exposed } = publishedPorts(all('publish'), all('expose'));
  if (Object.keys(bindings).length > 0) put(body, 'HostConfig.PortBindings', bindings);
  if (Object.keys(exposed).length > 0) body['ExposedPorts'] = exposed;

  const binds = all('volume').filter((word) => word.includes(':'));
  const anonymous = all('volume').filter((word) => !word.includes(':'));
  if (binds.length > 0) put(body, 'HostConfig.Binds', binds);
  if (anonymous.length > 0)
    body['Volumes'] = Object.fromEntries(anonymous.map((path) => [path, {}]));

  const main = one('network') && all('network')[0];
  if (main) put(body, 'HostConfig.NetworkMode', main);
  const ipam = { IPv4Address: one('ip'), IPv6Address: one('ip6') };
  if (main && (all('network-alias').length > 0 || ipam.IPv4Address || ipam.IPv6Address))
    body['NetworkingConfig'] = {
      EndpointsConfig: {
        [main]: {
          ...(all('network-alias').length > 0 ? { Aliases: all('network-alias') } : {}),
          ...(ipam.IPv4Address || ipam.IPv6Address ? { IPAMConfig: ipam } : {}),
        },
      },
    };
  return body;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Config: Fields;
  readonly HostConfig: Fields;
  readonly NetworkSettings?: { readonly Networks?: Record<string, Fields> };
}

/** What an image gives by itself, so that it is not said twice. */
interface ImageDefaults {
  readonly Config?: Fields | null;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
/** What the engine fills in where nothing was asked for. */
const ENGINE_DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  'HostConfig.ShmSize': [67_108_864],
  'HostConfig.IpcMode': ['private', 'shareable'],
  'HostConfig.CgroupnsMode': ['private', 'host'],
  'HostConfig.Runtime': ['runc'],
  'HostConfig.LogConfig.Type': ['json-file'],
  'HostConfig.MemorySwappiness': [-1],
};

/** The plan that would make this container again. */
export function planOf(container: Inspected, image: ImageDefaults = {}): RunPlan {
  const body = { ...container.Config, HostConfig: container.HostConfig };
  const defaults: Fields = image.Config ?? {};
  const options: Record<string, readonly string[]> = {};
  const set = (name: string, words: readonly string[]): void => {
    if (words.length > 0) options[name] = words;
  };
  for (const { name, field, codec } of RUN_OPTIONS) {
    if (!field) continue;
    const value = at(body, field);
    if (ENGINE_DEFAULTS[field]?.includes(value)) continue;
    const given = new Set(codec.read(at(defaults, field)));
    set(
      name,
      codec.read(value).filter((word) => !given.has(word)),
    );
  }
  // The engine names a container's host after its id, and doubles the memory for swap.
  if (options['hostname']?.[0] === container.Id.slice(0, 12)) delete options['hostname'];
  if (at(body, 'HostConfig.MemorySwap') === 2 * Number(at(body, 'HostConfig.Memory') ?? 0))
    delete options['memory-swap'];
  const words = (value: unknown): string => ((value ?? []) as string[]).map(quoteWord).join(' ');
  if (!isSame(body['Entrypoint' as never], defaults['Entrypoint']))
    set('entrypoint', [words(container.Config['Entrypoint'])].filter(Boolean));
  const test = at(container.Config, 'Healthcheck.Test') as readonly string[] | undefined;
  if (test?.[0] === 'NONE') set('no-healthcheck', ['true']);
  else if (test && !isSame(test, at(defaults, 'Healthcheck.Test')))
    set('health-cmd', [
      test[0] === 'CMD-SHELL' ? (test[1] ?? '') : test.slice(1).map(quoteWord).join(' '),
    ]);
  set('publish', readPublished(at(body, 'HostConfig.PortBindings')));
  const binds = (at(body, 'HostConfig.Binds') ?? []) as string[];
  set('volume', binds);
  const mode = textOf(at(body, 'HostConfig.NetworkMode')) || 'default';
  const others = Object.keys(container.NetworkSettings?.Networks ?? {}).filter((n) => n !== mode);
  const main = mode === 'default' || (mode === 'bridge' && others.length === 0) ? [] : [mode];
  set('network', [
    ...main,
    ...(mode === 'default' ? others.filter((n) => n !== 'bridge') : others),
  ]);
  const endpoint = container.NetworkSettings?.Networks?.[mode];
  const aliases = ((endpoint?.['Aliases'] ?? []) as string[]).filter(
    (alias) => !container.Id.startsWith(alias),
  );
  if (main.length > 0) {
    set('network-alias', aliases);
    const ip = at(endpoint, 'IPAMConfig.IPv4Address');
    if (typeof ip === 'string' && ip !== '') set('ip', [ip]);
  }
  const hasOwnCommand = !isSame(container.Config['Cmd'], defaults['Cmd']);
  return {
    name: container.Name.replace(/^\//, ''),
    image: textOf(container.Config['Image']),
    command: hasOwnCommand ? words(container.Config['Cmd']) : '',
    options,
  };
}
