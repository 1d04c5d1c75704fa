/** From a plan to a container: pulled if need be, made, joined to its networks, started; or made in another's place. */
import { type EngineClient, query } from '../engine/engine-client.ts';
import { startPull } from '../engine/pulls-store.ts';
import { createBody, moreNetworks, planOf } from '../run/run-body.ts';
import type { RunPlan } from '../run/run-plan.ts';

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Running: boolean };
  readonly Config: Record<string, unknown>;
  readonly HostConfig: Record<string, unknown>;
  readonly NetworkSettings?: { readonly Networks?: Record<string, Record<string, unknown>> };
  readonly Mounts?: readonly { Type: string; Name?: string; Destination: string }[];
}

/** What the engine knows of a container, as a plan that makes it again. */
export async function readPlan(engine: EngineClient, id: string): Promise<RunPlan> {
  const container = await engine.get<Inspected>(`/containers/${id}/json`);
  // An image that is gone gives no defaults: then everything is said.
  const image = await engine
    .get<{ Config?: Record<string, unknown> | null }>(`/images/${container.Image}/json`)
    .catch(() => ({}));
  return planOf(container, image);
}

/** The same, with volumes that have no name of a person's bound by theirs, so that a new container has them. */
export async function readPlanWithVolumes(engine: EngineClient, id: string): Promise<RunPlan> {
  const plan = await readPlan(engine, id);
  const { Mounts = [] } = await engine.get<Inspected>(`/containers/${id}/json`);
  const said = new Set((plan.options['volume'] ?? []).map((word) => word.split(':')[1]));
  const mounted = (plan.options['mount'] ?? []).join(',');
  const kept = Mounts.filter(
    ({ Type, Destination }) =>
      Type === 'volume' && !said.has(Destination) && !mounted.includes(`target=${Destination}`),
  ).map(({ Name, Destination }) => `${Name}:${Destination}`);
  if (kept.length === 0) return plan;
  const volume = [...(plan.options['volume'] ?? []).filter((word) => word.includes(':')), ...kept];
  return { ...plan, options: { ...plan.options, volume } };
}

interface Making {
  readonly engine: EngineClient;
  readonly plan: RunPlan;
  readonly isLocal: boolean;
  readonly onWork: (work: string) => void;
}

async function create({ engine, plan, isLocal, onWork }: Making): Promise<string> {
  if (!isLocal) {
    onWork(`Pulling ${plan.image}…`);
    await startPull(engine, plan.image);
  }
  onWork('Creating…');
  const name = plan.name === '' ? undefined : plan.name;
  const platform = plan.options['platform']?.at(-1);
  const { Id } = await engine.json<{ Id: string }>(
    'POST',
    `/containers/create${query({ name, platform })}`,
    createBody(plan),
  );
  try {
    for (const network of moreNetworks(plan))
      await engine.post(`/networks/${encodeURIComponent(network)}/connect`, { Container: Id });
  } catch (error) {
    await engine.json('DELETE', `/containers/${Id}${query({ force: 1 })}`);
    throw error;
  }
  return Id;
}

/** Answers the new container's id; when starting fails the container stays, as with docker run. */
export async function makeContainer(making: Making, starts: boolean): Promise<string> {
  const id = await create(making);
  if (!starts) return id;
  making.onWork('Starting…');
  await making.engine.post(`/containers/${id}/start`);
  return id;
}

/**
 * Puts a new container in the place of an old one: same name, same volumes. Whatever fails, the old one is
 * back as it was.
 */
export async function recreateContainer(making: Making, oldId: string): Promise<string> {
  const { engine, onWork } = making;
  const old = await engine.get<Inspected>(`/containers/${oldId}/json`);
  const name = old.Name.replace(/^\//, '');
  const aside = `${name}-before-${oldId.slice(0, 6)}`;
  const rename = (to: string): Promise<void> =>
    engine.post(`/containers/${oldId}/rename${query({ name: to })}`);
  await rename(aside);
  let id: string | undefined;
  try {
    id = await create(making);
    if (old.State.Running) {
      onWork('Stopping the old one…');
      await engine.post(`/containers/${oldId}/stop`);
      onWork('Starting…');
      await engine.post(`/containers/${id}/start`);
    }
  } catch (error) {
    if (id !== undefined) await engine.json('DELETE', `/containers/${id}${query({ force: 1 })}`);
    await rename(name);
    if (old.State.Running) await engine.post(`/containers/${oldId}/start`);
    throw error;
  }
  onWork('Removing the old one…');
  await engine.json('DELETE', `/containers/${oldId}`);
  return id;
}
