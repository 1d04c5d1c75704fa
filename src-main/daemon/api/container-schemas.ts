/** Bodies of container and exec requests, as far as a wrong type must be told. Unknown fields pass, as in Docker. */
import { z } from 'zod';

const strings = z.array(z.string()).nullish();
const stringMap = z.record(z.string(), z.string()).nullish();
const keySet = z.record(z.string(), z.looseObject({}).nullable()).nullish();
const integer = z.number().int();

/** Docker takes a bare string where a list of words is meant. */
const words = z.union([z.string().transform((text) => [text]), z.array(z.string())]).nullish();

const healthcheck = z
  .looseObject({
    Test: strings,
    Interval: integer.optional(),
    Timeout: integer.optional(),
    StartPeriod: integer.optional(),
    Retries: integer.optional(),
  })
  .nullish();

const portBinding = z.looseObject({
  HostIp: z.string().optional(),
  HostPort: z.string().optional(),
});

export const resourcesSchema = z.looseObject({
  Memory: integer.optional(),
  MemorySwap: integer.optional(),
  MemoryReservation: integer.optional(),
  CpuShares: integer.optional(),
  CpuPeriod: integer.optional(),
  CpuQuota: integer.optional(),
  NanoCpus: integer.optional(),
  CpusetCpus: z.string().optional(),
  CpusetMems: z.string().optional(),
  PidsLimit: integer.nullish(),
  OomKillDisable: z.boolean().nullish(),
  RestartPolicy: z
    .looseObject({ Name: z.string().optional(), MaximumRetryCount: integer.optional() })
    .nullish()
    .transform((policy) => policy ?? undefined),
});

const hostConfigSchema = resourcesSchema.extend({
  Binds: strings,
  Mounts: z
    .array(z.looseObject({ Type: z.string().optional(), Target: z.string().optional() }))
    .nullish(),
  NetworkMode: z.string().optional(),
  PortBindings: z.record(z.string(), z.array(portBinding).nullable()).nullish(),
  PublishAllPorts: z.boolean().optional(),
  AutoRemove: z.boolean().optional(),
  Privileged: z.boolean().optional(),
  ReadonlyRootfs: z.boolean().optional(),
  Init: z.boolean().nullish(),
  CapAdd: words,
  CapDrop: words,
  Dns: strings,
  DnsOptions: strings,
  DnsSearch: strings,
  ExtraHosts: strings,
  GroupAdd: strings,
  SecurityOpt: strings,
  Links: strings,
  VolumesFrom: strings,
  VolumeDriver: z.string().optional(),
  ShmSize: integer.optional(),
  OomScoreAdj: integer.optional(),
  IpcMode: z.string().optional(),
  PidMode: z.string().optional(),
  UTSMode: z.string().optional(),
  Runtime: z.string().optional(),
  Tmpfs: stringMap,
  Sysctls: stringMap,
  StorageOpt: stringMap,
  LogConfig: z.looseObject({ Type: z.string().optional(), Config: stringMap }).nullish(),
});

const configSchema = z.looseObject({
  Image: z.string().optional(),
  Hostname: z.string().optional(),
  Domainname: z.string().optional(),
  User: z.string().optional(),
  AttachStdin: z.boolean().optional(),
  AttachStdout: z.boolean().optional(),
  AttachStderr: z.boolean().optional(),
  Tty: z.boolean().optional(),
  OpenStdin: z.boolean().optional(),
  StdinOnce: z.boolean().optional(),
  Env: strings,
  Cmd: words,
  Entrypoint: words,
  WorkingDir: z.string().optional(),
  Labels: stringMap,
  ExposedPorts: keySet,
  Volumes: keySet,
  StopSignal: z.string().optional(),
  StopTimeout: integer.nullish(),
  Healthcheck: healthcheck,
  MacAddress: z.string().optional(),
});

/** The config of a commit; null and nothing: the container's own. */
export const commitSchema = configSchema.nullable();

export const createSchema = configSchema.extend({
  HostConfig: hostConfigSchema.nullish().transform((value) => value ?? {}),
  NetworkingConfig: z
    .looseObject({ EndpointsConfig: z.record(z.string(), z.looseObject({}).nullable()).nullish() })
    .nullish(),
});

export const execCreateSchema = z.looseObject({
  AttachStdin: z.boolean().optional(),
  AttachStdout: z.boolean().optional(),
  AttachStderr: z.boolean().optional(),
  DetachKeys: z.string().optional(),
  Tty: z.boolean().optional(),
  Env: strings,
  Cmd: words,
  Privileged: z.boolean().optional(),
  User: z.string().optional(),
  WorkingDir: z.string().optional(),
  ConsoleSize: z.array(integer).nullish(),
});

export const execStartSchema = z.looseObject({
  Detach: z.boolean().optional(),
  Tty: z.boolean().optional(),
  ConsoleSize: z.array(integer).nullish(),
});
