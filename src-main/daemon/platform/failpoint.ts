/**
 * Named steps at which the crash tests let the daemon die: when `WINDLASS_FAILPOINT` names one, passing it
 * ends the process as SIGKILL does. Only the environment the daemon is started with can ask for it.
 */

/** Every step, by the operation it belongs to. Steps of layers and images are passed by pull, load and commit alike. */
export const FAILPOINTS = [
  'restore: shim begun',
  'restore: containers loaded',
  'restore: container adopted',
  'restore: swept',
  'create: name reserved',
  'create: init layer noted',
  'create: init layer made',
  'create: layer noted',
  'create: layer made',
  'create: layer recorded',
  'create: volumes held',
  'create: state half written',
  'create: state written',
  'start: namespace made',
  'start: ports published',
  'start: run prepared',
  'start: FIFOs made',
  'start: runtime record made',
  'start: task created',
  'start: task started',
  'start: state written',
  'stop: signal sent',
  'stop: exit noticed',
  'stop: network released',
  'stop: state written',
  'stop: task freed',
  'remove: network released',
  'remove: directory out of sight',
  'remove: layer out of sight',
  'remove: layer removed',
  'remove: volumes released',
  'layer: begun',
  'layer: directory made',
  'layer: unpacked',
  'layer: record written',
  'layer: committed',
  'image: layers held',
  'image: config written',
  'reference: saved',
  'image remove: untagged',
  'image remove: metadata removed',
  'image remove: config removed',
  'layer remove: out of sight',
  'layer remove: directory removed',
  'volume create: directory made',
  'volume create: recorded',
  'volume remove: begun',
  'volume remove: removed',
  'network create: recorded',
  'network create: link made',
  'network create: bridge up',
  'network remove: record removed',
  'network remove: taken down',
  'connect: link made',
  'connect: sandbox changed',
  'connect: record written',
  'disconnect: link removed',
  'disconnect: sandbox changed',
  'rename: record written',
  'update: record written',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

const chosen = process.env['WINDLASS_FAILPOINT'];

/** Dies here when this step was named at the daemon's start; else nothing. */
export const failpoint: (name: Failpoint) => void =
  chosen === undefined
    ? () => undefined
    : (name) => {
        if (name === chosen) process.kill(process.pid, 'SIGKILL');
      };
