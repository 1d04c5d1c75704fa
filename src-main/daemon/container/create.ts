/**
 * Create: image → merged and checked config → name → read-write layer → volumes and copy-up → disk →
 * registered. Whatever fails undoes what was done. Follows moby daemon/create.go.
 */
import { rm } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { posix } from 'node:path';
import type {
  ContainerConfig,
  ContainerCreateBody,
  ContainerCreateResponse,
  HostConfig,
} from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import { formatPlatform, hostPlatform, satisfiesPlatform } from '../distribution/platform.ts';
import type { Image, Platform } from '../image/image-service.ts';
import { checkLogOptions } from '../log/log-options.ts';
import type { EndpointRequest, SpanSink } from '../network/network-controller.ts';
import { failpoint } from '../platform/failpoint.ts';
import {
  Container,
  type ContainerLink,
  type ContainerProgress,
  type ContainerRecord,
} from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { newContainerId } from './container-registry.ts';
import { NEVER_RUN } from './container-state.ts';
import { withHostDefaults } from './host-config-defaults.ts';
import { LaunchRecorder } from './launch-recorder.ts';
import { keepLaunch, logSpan } from './launches.ts';
import { resolveLinks } from './links.ts';
import { mergeConfig } from './merge-config.ts';
import { registerMounts } from './mount-points.ts';
import { networkName } from './networks.ts';
import { withSharedNamespaces } from './shared-namespaces.ts';
import { StreamHub } from './stream-hub.ts';
import { verifyContainer } from './verify-config.ts';
import { copyUpVolumes } from './volume-copy-up.ts';
import { makeWorkingDirectory } from './working-directory.ts';

export interface CreateOptions {
  readonly name: string;
  readonly platform?: Platform;
}

/** Creates a container from a request body; answers its id and warnings. */
export async function createContainer(
  context: ContainerContext,
  body: ContainerCreateBody,
  options: CreateOptions,
): Promise<ContainerCreateResponse> {
  context.runtime.prepare();
  const { HostConfig: asked = {}, NetworkingConfig: networking, ...userConfig } = body;
  const id = newContainerId();
  const recorder = new LaunchRecorder('create', logSpan(context.log, id));
  const verified = await recorder.span('validate config', async () =>
    checkRequest(context, userConfig, asked),
  );
  const image = await recorder.span(
    'resolve image',
    () => findImage(context, userConfig.Image ?? '', options.platform),
    userConfig.Image,
  );
  const checked = { ...verified, config: mergeConfig(userConfig, image?.config.config ?? {}) };
  const endpoints = endpointsOf(context, networking, checked.hostConfig);
  await using undo = new AsyncDisposableStack();
  const name = context.registry.reserveName(options.name, id);
  undo.defer(() => context.registry.releaseName(name, id));
  failpoint('create: name reserved');
  const container = await build(
    context,
    { ...checked, id, name, image, endpoints },
    { span: recorder.span, undo },
  );
  keepLaunch(container, recorder.record());
  await recorder.span('write state', () =>
    context.store.create(container.record, container.progress),
  );
  failpoint('create: state written');
  // With the step that has just ended; the file has it from the next state on.
  container.progress.launches = [];
  keepLaunch(container, recorder.record());
  context.registry.add(container);
  undo.move();
  publishEvent(context, container, 'create');
  const warnings = [...checked.warnings, ...platformWarnings(image, options.platform)];
  return { Id: id, Warnings: warnings };
}

async function findImage(
  context: ContainerContext,
  reference: string,
  platform: Platform | undefined,
): Promise<Image | undefined> {
  return reference === '' ? undefined : context.images.resolve(reference, platform);
}

/** Of an image for another kind of machine that nobody asked for by platform. */
function platformWarnings(
  image: Image | undefined,
  asked: Platform | undefined,
): readonly string[] {
  const host = hostPlatform();
  if (!image || asked || satisfiesPlatform(host, image.config)) return [];
  return [
    `The requested image's platform (${formatPlatform(image.config)}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`,
  ];
}

function checkRequest(
  context: ContainerContext,
  config: ContainerConfig,
  asked: HostConfig,
): { hostConfig: HostConfig; links: readonly ContainerLink[]; warnings: string[] } {
  const verified = verifyContainer(config, asked, context.settings.verify);
  const hostConfig = withSharedNamespaces(
    withHostDefaults(verified.hostConfig, context.settings),
    context.registry,
  );
  const logConfig = hostConfig.LogConfig;
  checkLogOptions(context.logDrivers.get(logConfig?.Type ?? ''), logConfig?.Config ?? {});
  const links = resolveLinks(hostConfig, context.registry);
  return { hostConfig, links, warnings: verified.warnings };
}

/** The attachments asked for, by network name; the network of the mode is always among them. */
function endpointsOf(
  context: ContainerContext,
  networking: ContainerCreateBody['NetworkingConfig'],
  { NetworkMode: mode = 'default' }: HostConfig,
): Readonly<Record<string, EndpointRequest>> {
  if (mode.startsWith('container:')) return {};
  const asked = Object.entries(networking?.EndpointsConfig ?? {});
  const named = asked.map(
    ([network, endpoint]) => [networkName(context, network), endpoint ?? {}] as const,
  );
  const primary = networkName(context, mode);
  for (const [name, endpoint] of named) {
    if (name === primary) continue;
    context.network.checkConnect([primary], name);
    if (endpoint.IPAMConfig?.IPv4Address && BUILT_IN_NETWORKS.includes(name))
      throw invalidArgument('user specified IP address is supported on user defined networks only');
  }
  return { [primary]: {}, ...Object.fromEntries(named) } as Readonly<
    Record<string, EndpointRequest>
  >;
}

const BUILT_IN_NETWORKS: readonly string[] = ['bridge', 'host', 'none'];

interface Blueprint {
  readonly id: string;
  readonly name: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly links: readonly ContainerLink[];
  readonly image: Image | undefined;
  readonly endpoints: Readonly<Record<string, EndpointRequest>>;
}

async function build(
  context: ContainerContext,
  plan: Blueprint,
  work: { span: SpanSink; undo: AsyncDisposableStack },
): Promise<Container> {
  const { id, image, hostConfig } = plan;
  const layer = await work.span('create read-write layer', () =>
    context.layers.createReadWrite(id, image?.chainId, {
      initLayer: true,
      ...(hostConfig.StorageOpt ? { storageOpt: hostConfig.StorageOpt } : {}),
    }),
  );
  work.undo.defer(() => context.layers.releaseReadWrite(id));
  const directory = context.store.directoryOf(id);
  work.undo.defer(() => rm(directory, { recursive: true, force: true }));
  const config = { ...plan.config, Hostname: hostnameOf(plan) };
  if (config.WorkingDir) {
    config.WorkingDir = posix.normalize(config.WorkingDir);
    await makeWorkingDirectory(layer, config.WorkingDir, work.span);
  }
  const mounts = await work.span('resolve mounts', () =>
    registerMounts(context, { containerId: id, config, hostConfig }, work.undo),
  );
  failpoint('create: volumes held');
  await copyUpVolumes({ layer, mounts, volumes: context.volumes, containerId: id }, work.span);
  return new Container(recordOf(context, { ...plan, config }, mounts), newProgress(), {
    directory,
    streams: new StreamHub(),
  });
}

function recordOf(
  context: ContainerContext,
  plan: Blueprint,
  mounts: ContainerRecord['mounts'],
): ContainerRecord {
  const command = [...(plan.config.Entrypoint ?? []), ...(plan.config.Cmd ?? [])];
  return {
    id: plan.id,
    name: plan.name,
    created: new Date().toISOString().replace('Z', '000000Z'),
    config: plan.config,
    hostConfig: plan.hostConfig,
    imageId: plan.image?.id ?? '',
    imageName: plan.config.Image ?? '',
    path: command[0] ?? '',
    args: command.slice(1),
    driver: context.layers.driverName,
    mounts,
    endpoints: plan.endpoints,
    ...(plan.links.length > 0 ? { links: plan.links } : {}),
  };
}

function hostnameOf(plan: Blueprint): string {
  if (plan.config.Hostname) return plan.config.Hostname;
  return plan.hostConfig.NetworkMode === 'host' ? machineName() : plan.id.slice(0, 12);
}

const newProgress = (): ContainerProgress => ({
  state: { kind: 'created', lastRun: NEVER_RUN },
  restartCount: 0,
  hasBeenManuallyStopped: false,
  hasBeenStartedBefore: false,
  sandbox: null,
  launches: [],
});
