/** The filters of `ps` (moby daemon/list.go foldFilter, includeContainerInList). */
import { invalidArgument, notFound } from '../../../shared/errors.ts';
import { parseInteger } from '../platform/go-values.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { Filters } from './container-service.ts';
import { networksOf } from './inspect.ts';

const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const MAX_PORT = 65_535;
const HEALTHS = ['starting', 'healthy', 'unhealthy', 'none'];

type Test = (container: Container) => boolean;
type MakeTest = (values: readonly string[], context: ContainerContext) => Test;

/** A value matches as a regular expression or literally, as Docker's filters do. */
function matcher(value: string): (text: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (text) => text === value || pattern.test(text);
  } catch {
    // Not a regular expression: literal only.
    return (text) => text === value;
  }
}

/** `key` or `key=value` against a map. */
export function matchesLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

const createdOf = (context: ContainerContext, nameOrId: string): string =>
  knownContainer(context, nameOrId).record.created;

function knownContainer(context: ContainerContext, nameOrId: string): Container {
  try {
    return context.registry.find(nameOrId);
  } catch (error) {
    throw notFound(`no such container ${nameOrId}`, { cause: error });
  }
}

const TESTS: Readonly<Record<string, MakeTest>> = {
  id: (values) => (container) => values.some((value) => container.id.startsWith(value)),
  name: (values) => {
    const tests = values.map(matcher);
    return ({ name }) => tests.some((test) => test(name) || test(`/${name}`));
  },
  label: (values) => (container) =>
    values.every((value) => matchesLabel(container.record.config.Labels ?? {}, value)),
  status: (values) => {
    const unknown = values.find((value) => !STATES.includes(value));
    if (unknown !== undefined) throw invalidArgument(`Invalid filter 'status=${unknown}'`);
    return (container) => values.includes(container.state.kind);
  },
  exited: (values) => {
    const codes = values.map(parseInteger);
    return ({ progress, state }) =>
      state.kind === 'exited' &&
      progress.hasBeenStartedBefore &&
      codes.includes(state.lastRun.exitCode);
  },
  health: (values) => {
    const unknown = values.find((value) => !HEALTHS.includes(value));
    if (unknown !== undefined)
      throw invalidArgument(`Unrecognised filter value for health: ${unknown}`);
    return (container) => values.includes(container.live.health?.status() ?? 'none');
  },
  before: (values, context) => {
    const times = values.map((value) => createdOf(context, value));
    return (container) => times.some((time) => container.record.created < time);
  },
  since: (values, context) => {
    const times = values.map((value) => createdOf(context, value));
    return (container) => times.some((time) => container.record.created > time);
  },
  ancestor: (values) => (container) =>
    values.some((value) => {
      const { imageId, imageName } = container.record;
      return (
        imageName === value ||
        imageName === `${value}:latest` ||
        `${imageName}:latest` === value ||
        (/^[0-9a-f]{4,64}$/.test(value) && imageId.startsWith(`sha256:${value}`)) ||
        imageId === value
      );
    }),
  volume: (values) => (container) =>
    container.record.mounts.some(
      (mount) =>
        values.includes(mount.Name ?? '') ||
        values.includes(mount.Source) ||
        values.includes(mount.Destination),
    ),
  network: (values) => (container) => {
    const attached = Object.entries(networksOf(container));
    return values.some((value) =>
      attached.some(
        ([name, { NetworkID }]) => name === value || (value !== '' && NetworkID.startsWith(value)),
      ),
    );
  },
  publish: (values) => portTest(values, true),
  expose: (values) => portTest(values, false),
  isolation: () => () => true,
  'is-task': (values) => {
    if (values.length !== 1 || !['true', 'false'].includes(values[0] ?? ''))
      throw invalidArgument(`Invalid filter 'is-task=[${values.join(' ')}]'`);
    return () => values[0] === 'false';
  },
};

interface PortRange {
  readonly low: number;
  readonly high: number;
  readonly protocol: string;
}

/** `80`, `80/udp`, `80-90`. Throws in the words of docker/go-connections. */
function portRange(value: string, filter: string): PortRange {
  const [range = '', protocol = 'tcp'] = value.split('/');
  const [low = 0, high = low] = range.split('-').map((text) => {
    const reason = !/^\d+$/.test(text)
      ? 'invalid syntax'
      : Number(text) > MAX_PORT
        ? 'value out of range'
        : undefined;
    if (reason !== undefined)
      throw invalidArgument(
        `error while looking up for ${filter} ${value}: strconv.ParseUint: parsing "${text}": ${reason}`,
      );
    return Number(text);
  });
  return { low, high, protocol };
}

function portTest(values: readonly string[], published: boolean): Test {
  const wanted = values.map((value) => portRange(value, published ? 'publish' : 'expose'));
  return (container) => {
    const ports = container.progress.sandbox?.ports ?? {};
    return Object.entries(ports).some(([name, bindings]) => {
      const [number = '', protocol = 'tcp'] = name.split('/');
      const numbers = published ? (bindings ?? []).map((host) => host.HostPort) : [number];
      return wanted.some(
        (want) =>
          want.protocol === protocol &&
          numbers.some((port) => Number(port) >= want.low && Number(port) <= want.high),
      );
    });
  };
}

export interface ListFilter {
  readonly accepts: Test;
  /** A state was asked for by name, so stopped containers are looked at too. */
  readonly namesState: boolean;
}

/** All tests of the filters at once. Throws `Invalid filter 'x'` for an unknown one. */
export function buildFilter(context: ContainerContext, filters: Filters): ListFilter {
  const tests: Test[] = [];
  for (const [name, values] of Object.entries(filters)) {
    const make = TESTS[name];
    if (!make) throw invalidArgument(`Invalid filter '${name}'`);
    if (values.length > 0) tests.push(make(values, context));
  }
  return {
    accepts: (container) => tests.every((test) => test(container)),
    namesState: ['status', 'exited'].some((name) => (filters[name]?.length ?? 0) > 0),
  };
}
