/**
 * The files of a container as they must be for the daemon to work with them. What a newer daemon added is
 * kept; what is missing or of another type makes the file a broken one.
 */
import { z } from 'zod';
import type { ContainerProgress, ContainerRecord } from './container.ts';

const object = z.looseObject({});

const recordSchema = z.looseObject({
  id: z.string(),
  name: z.string().min(1),
  created: z.string(),
  config: z.looseObject({
    Labels: z.record(z.string(), z.string()).nullish(),
    Env: z.array(z.string()).nullish(),
  }),
  imageId: z.string(),
  imageName: z.string(),
  path: z.string(),
  args: z.array(z.string()),
  driver: z.string(),
  mounts: z.array(
    z.looseObject({
      Type: z.enum(['bind', 'volume', 'tmpfs']),
      Destination: z.string(),
      Source: z.string(),
      RW: z.boolean(),
    }),
  ),
  endpoints: z.record(z.string(), object),
  links: z
    .array(z.looseObject({ containerId: z.string(), name: z.string(), alias: z.string() }))
    .optional(),
});

const hostConfigSchema = z.looseObject({
  NetworkMode: z.string().optional(),
  AutoRemove: z.boolean().optional(),
  RestartPolicy: z
    .looseObject({ Name: z.string().optional(), MaximumRetryCount: z.number().optional() })
    .nullish(),
  LogConfig: z.looseObject({ Type: z.string().optional() }).nullish(),
});

const lastRun = z.looseObject({
  startedAt: z.string(),
  finishedAt: z.string(),
  exitCode: z.number(),
  oomKilled: z.boolean(),
  error: z.string(),
});
const live = { lastRun, pid: z.number(), startedAt: z.string() };

const progressSchema = z.looseObject({
  state: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('running'), ...live }),
    z.looseObject({ kind: z.literal('paused'), ...live }),
    ...(['created', 'restarting', 'exited', 'removing', 'dead'] as const).map((kind) =>
      z.looseObject({ kind: z.literal(kind), lastRun }),
    ),
  ]),
  restartCount: z.number(),
  hasBeenManuallyStopped: z.boolean(),
  hasBeenStartedBefore: z.boolean(),
  sandbox: z
    .looseObject({ key: z.string(), networks: z.record(z.string(), object), ports: object })
    .nullable(),
  launches: z.array(object),
});

/** Throws for what is no container's record. */
export function checkedRecord(config: unknown, hostConfig: unknown): ContainerRecord {
  recordSchema.parse(config);
  hostConfigSchema.parse(hostConfig);
  return { ...(config as Omit<ContainerRecord, 'hostConfig'>), hostConfig } as ContainerRecord;
}

/** Throws for what says nothing about a container's doings. */
export function checkedProgress(content: unknown): ContainerProgress {
  progressSchema.parse(content);
  return content as ContainerProgress;
}
