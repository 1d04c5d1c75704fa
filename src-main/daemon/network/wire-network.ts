/** Networks as the API shows them (moby daemon/network.go buildNetworkResource). */
import type { IpamConfig, SubnetRecord } from './network-store.ts';
import type { Attachment, Network } from './networks.ts';

/** `isDetailed`: with the containers on it. */
export function wireNetwork({ record, attachments }: Network, isDetailed: boolean): object {
  const containers = isDetailed ? [...attachments.values()] : [];
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: 'local',
    Driver: record.driver,
    EnableIPv6: record.enableIPv6,
    IPAM: {
      Driver: record.ipam.driver,
      Options: record.ipam.options,
      Config: [
        ...shownSubnet(record.ipam.config, record.ipam.v4, false),
        ...shownSubnet(record.ipam.config, record.ipam.v6, true),
      ],
    },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: record.configFrom ?? '' },
    ConfigOnly: record.configOnly ?? false,
    Containers: Object.fromEntries(containers.map((one) => [one.containerId, wireContainer(one)])),
    Options: record.options,
    Labels: record.labels,
  };
}

/** What was asked for as it was asked; otherwise what was chosen. */
function shownSubnet(
  asked: readonly IpamConfig[],
  used: SubnetRecord | undefined,
  isV6: boolean,
): readonly IpamConfig[] {
  const own = asked.filter(({ Subnet = '' }) => Subnet.includes(':') === isV6);
  if (own.length > 0) return own;
  return used ? [{ Subnet: used.subnet, Gateway: used.gateway }] : [];
}

function wireContainer({ containerName, settings }: Attachment): object {
  const { IPAddress, IPPrefixLen, GlobalIPv6Address, GlobalIPv6PrefixLen } = settings;
  return {
    Name: containerName,
    EndpointID: settings.EndpointID,
    MacAddress: settings.MacAddress,
    IPv4Address: IPAddress === '' ? '' : `${IPAddress}/${IPPrefixLen}`,
    IPv6Address: GlobalIPv6Address === '' ? '' : `${GlobalIPv6Address}/${GlobalIPv6PrefixLen}`,
  };
}
