/** Terminals as the contract speaks of them. */
import { z } from 'zod';
import { hostIdSchema } from './host-schemas.ts';

const container = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)
  .max(255);

/** What a terminal shows. */
export const terminalTargetSchema = z.discriminatedUnion('kind', [
  /** A new process in a container. */
  z.object({
    kind: z.literal('exec'),
    host: hostIdSchema,
    container,
    /** The best shell there is, when absent. */
    command: z.array(z.string().max(4096)).min(1).max(256).optional(),
    user: z.string().max(255).optional(),
    directory: z.string().max(4096).optional(),
  }),
  /** The main process of a container. */
  z.object({ kind: z.literal('attach'), host: hostIdSchema, container }),
  /** A shell of this machine, `DOCKER_HOST` set to the host's. */
  z.object({ kind: z.literal('here'), host: hostIdSchema }),
  /** The log-in shell of an SSH host. */
  z.object({ kind: z.literal('there'), host: hostIdSchema }),
]);

export const terminalSizeSchema = z.object({
  columns: z.number().int().min(1).max(1000),
  rows: z.number().int().min(1).max(1000),
});

export const terminalIdSchema = z.object({ id: z.uuid() });

export const terminalRowSchema = terminalIdSchema.extend({
  target: terminalTargetSchema,
  /** How it ended, in words; absent while it lives. */
  ending: z.string().optional(),
});
