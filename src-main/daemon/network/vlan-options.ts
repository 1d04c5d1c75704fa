/** Driver options of macvlan and ipvlan networks (moby libnetwork drivers/macvlan, drivers/ipvlan). */
import { internal } from '../../../shared/errors.ts';

export type VlanKind = 'macvlan' | 'ipvlan';

/** Modes by name, with the kernel's numbers (linux/if_link.h); the first is the default. */
const MODES: Readonly<Record<VlanKind, Readonly<Record<string, number>>>> = {
  macvlan: { bridge: 4, private: 1, vepa: 2, passthru: 8 },
  ipvlan: { l2: 0, l3: 1 },
};

export interface VlanOptions {
  /** '' = a link of our own that leads nowhere. */
  readonly parent: string;
  readonly modeName: string;
  readonly mode: number;
}

/** Throws `requested macvlan mode 'x' is not valid, …` and `loopback interface is not a valid macvlan parent link`. */
export function parseVlanOptions(
  kind: VlanKind,
  options: Readonly<Record<string, string>>,
): VlanOptions {
  const modes = MODES[kind];
  const usual = Object.keys(modes)[0] ?? '';
  const modeName = options[`${kind}_mode`] || usual;
  const mode = Object.hasOwn(modes, modeName) ? modes[modeName] : undefined;
  if (mode === undefined)
    throw internal(
      `requested ${kind} mode '${modeName}' is not valid, '${usual}' mode is the ${kind} driver default`,
    );
  const parent = options['parent'] ?? '';
  if (parent === 'lo') throw internal(`loopback interface is not a valid ${kind} parent link`);
  return { parent, modeName, mode };
}

export interface VlanId {
  readonly parent: string;
  readonly id: number;
}

const LARGEST_VLAN = 4094;

/** `eth0.10`, a VLAN that is to be made. `exists` tells of links. Throws libnetwork's words. */
export function parseVlanName(name: string, exists: (link: string) => boolean): VlanId {
  if (!name.includes('.'))
    throw internal(`invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  const [parent = '', idText = '', ...more] = name.split('.');
  if (more.length > 0)
    throw internal(
      `required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${name}`,
    );
  if (!/^[+-]?\d+$/.test(idText))
    throw internal(`unable to parse a valid vlan id from: ${idText} (ex. eth0.10 for vlan 10)`);
  if (!exists(parent))
    throw internal(`-o parent interface does was not found on the host: ${parent}`);
  const id = Number(idText);
  if (id < 1 || id > LARGEST_VLAN)
    throw internal(`vlan id must be between 1-${LARGEST_VLAN}, received: ${id}`);
  return { parent, id };
}
