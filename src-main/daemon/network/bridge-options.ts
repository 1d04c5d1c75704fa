/** Driver options of a bridge network (moby libnetwork drivers/bridge/labels.go, netlabel). */
import { isIP } from 'node:net';
import { invalidArgument } from '../../../shared/errors.ts';

export const BRIDGE_OPTION = {
  name: 'com.docker.network.bridge.name',
  isDefault: 'com.docker.network.bridge.default_bridge',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  defaultIp: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  linkPrefix: 'com.docker.network.container_iface_prefix',
} as const;

/** The kernel takes more, but these go into rules as text. */
const LINK_NAME = /^[A-Za-z0-9_.-]{1,15}$/;
const LINK_PREFIX = /^[A-Za-z0-9_.-]{1,11}$/;
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

export interface BridgeOptions {
  readonly name: string | undefined;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Where unaddressed ports are bound; undefined = the daemon's default. */
  readonly defaultIp: string | undefined;
  readonly mtu: number | undefined;
  /** Of the names of links in containers. */
  readonly linkPrefix: string;
}

/** Throws invalidArgument `failed to parse … value: …`. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const refuse = (label: string, reason: string): never => {
    throw invalidArgument(`failed to parse ${label} value: ${options[label]} (${reason})`);
  };
  const flag = (label: string, fallback: boolean): boolean => {
    const text = options[label];
    if (text === undefined) return fallback;
    if (!TRUE.includes(text) && !FALSE.includes(text))
      refuse(label, `strconv.ParseBool: parsing "${text}": invalid syntax`);
    return TRUE.includes(text);
  };
  const checked = (label: string, isValid: (text: string) => boolean, reason: string) => {
    const text = options[label];
    if (text !== undefined && !isValid(text)) refuse(label, reason);
    return text;
  };
  const mtuText = options[BRIDGE_OPTION.mtu];
  const mtu = checked(
    BRIDGE_OPTION.mtu,
    (text) => /^-?\d+$/.test(text),
    `strconv.Atoi: parsing "${mtuText}": invalid syntax`,
  );
  if (Number(mtu) < 0) throw invalidArgument(`invalid MTU number: ${mtu}`);
  return {
    name: checked(BRIDGE_OPTION.name, (text) => LINK_NAME.test(text), 'invalid link name'),
    icc: flag(BRIDGE_OPTION.icc, true),
    masquerade: flag(BRIDGE_OPTION.masquerade, true),
    defaultIp: checked(BRIDGE_OPTION.defaultIp, (text) => isIP(text) !== 0, 'nil ip'),
    mtu: Number(mtu) > 0 ? Number(mtu) : undefined,
    linkPrefix:
      checked(BRIDGE_OPTION.linkPrefix, (text) => LINK_PREFIX.test(text), 'invalid link name') ??
      'eth',
  };
}
