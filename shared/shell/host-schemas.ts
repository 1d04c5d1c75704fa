/** Hosts as the contract speaks of them. Nothing here is ever a secret. */
import { z } from 'zod';

export const hostIdSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/);

const hostStateSchema = z.object({
  /** asking: a question waits for a person. slow: up, but answers take a second or more. */
  state: z.enum(['connecting', 'asking', 'up', 'slow', 'lost', 'refused']),
  /** The true reason, for lost and refused. */
  reason: z.string().optional(),
  /** The machine is there, and no engine on it. */
  isEngineMissing: z.boolean().optional(),
  /** Milliseconds from question to answer. */
  latencyMs: z.number().optional(),
});

export const hostSchema = z.object({
  id: hostIdSchema,
  name: z.string(),
  kind: z.enum(['embedded', 'rootless', 'socket', 'ssh', 'tcp', 'context']),
  /** What `DOCKER_HOST` must be to reach it from a terminal. */
  dockerHost: z.string(),
  /** Whether a person added it and may remove it. */
  isOwn: z.boolean(),
  status: hostStateSchema,
});

const path = z
  .string()
  .regex(/^\/[^\0\n]*$/, 'an absolute path')
  .max(4096);

/** How to reach a host; what the host book keeps. Safe to share: keys are named by path only. */
const hostWaySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ssh'),
    /** `user@host:port`, or a name of ssh_config. */
    destination: z.string().min(1).max(512),
    /** The engine's socket there; found when absent. */
    engineSocket: path.optional(),
  }),
  z.object({
    kind: z.literal('tcp'),
    host: z
      .string()
      .regex(/^[A-Za-z0-9:.%_-]+$/)
      .max(255),
    port: z.number().int().min(1).max(65_535),
    tls: z.object({ ca: path.optional(), cert: path.optional(), key: path.optional() }).optional(),
  }),
  z.object({ kind: z.literal('socket'), path }),
  z.object({
    kind: z.literal('context'),
    context: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.+-]*$/),
  }),
]);

export const newHostSchema = z.object({
  name: z.string().trim().min(1).max(64),
  way: hostWaySchema,
});

/** What a connection must know from a person before it goes on. */
export const hostQuestionSchema = z.object({
  id: z.string(),
  host: hostIdSchema,
  kind: z.enum(['hostKey', 'passphrase', 'password', 'interactive']),
  message: z.string(),
  /** Why it is asked again. */
  problem: z.string().optional(),
  /** Of an unknown host key: its type and SHA-256, as ssh-keygen prints them. */
  fingerprint: z.string().optional(),
  /** What to fill in; none for a yes or no. */
  fields: z.array(z.object({ label: z.string(), isSecret: z.boolean() })),
});

export const hostAnswerSchema = z.object({
  id: z.string(),
  /** One text a field; absent: the question is declined. */
  fields: z.array(z.string().max(65_536)).optional(),
});

/** A Docker context found in `~/.docker`. */
export const dockerContextSchema = z.object({
  name: z.string(),
  description: z.string(),
  dockerHost: z.string(),
  /** Whether the docker command uses it now (DOCKER_HOST, DOCKER_CONTEXT, config.json, in this order). */
  isCurrent: z.boolean(),
});

/** What setting up our own daemon on a host would do there. */
export const installPlanSchema = z.object({
  /** The host's own name for its system. */
  system: z.string(),
  /** Whether Windlass has set one up there: none, an older one, or this very one. */
  state: z.enum(['none', 'older', 'current']),
  needsSudo: z.boolean(),
  /** What would be done, for a person to agree to. */
  steps: z.array(z.string()),
  /** Why it cannot be done. */
  problem: z.string().optional(),
});

/** How far it is; bytes where they are counted. */
export const installProgressSchema = z.object({
  step: z.string(),
  done: z.number().optional(),
  total: z.number().optional(),
});

/** Of an image on its way from host to host; `total` as the engine it comes from tells it. */
export const copyProgressSchema = z.object({ done: z.number(), total: z.number() });

export type CopyProgress = z.output<typeof copyProgressSchema>;
export type InstallPlan = z.output<typeof installPlanSchema>;
export type InstallProgress = z.output<typeof installProgressSchema>;
export type HostRow = z.output<typeof hostSchema>;
export type HostWay = z.output<typeof hostWaySchema>;
export type NewHost = z.output<typeof newHostSchema>;
export type HostQuestion = z.output<typeof hostQuestionSchema>;
export type DockerContext = z.output<typeof dockerContextSchema>;
