/** Networks as the API shows them (moby daemon/network.go buildNetworkResource). */

import type { EndpointSettings } from './network-controller.ts';
import type { Network } from './networks.ts';

/** A container on a network. */
export interface Attachment {
  readonly containerId: string;
  readonly containerName: string;
  readonly settings: EndpointSettings;
}

export function wireNetwork(network: Network, attachments: readonly Attachment[]): object {
  const { record } = network;
  const isBridge = record.driver === 'bridge';
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: 'local',
    Driver: record.driver,
    EnableIPv6: record.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: isBridge && record.ipamOptions !== undefined ? record.ipamOptions : null,
      Config: isBridge
        ? [
            {
              Subnet: record.subnet,
              ...(record.ipRange === undefined ? {} : { IPRange: record.ipRange }),
              Gateway: record.gateway,
              ...(Object.keys(record.auxAddresses ?? {}).length > 0
                ? { AuxiliaryAddresses: record.auxAddresses }
                : {}),
            },
          ]
        : [],
    },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      attachments.map(({ containerId, containerName, settings }) => [
        containerId,
        {
          Name: containerName,
          EndpointID: settings.EndpointID,
          MacAddress: settings.MacAddress,
          IPv4Address:
            settings.IPAddress === '' ? '' : `${settings.IPAddress}/${settings.IPPrefixLen}`,
          IPv6Address: '',
        },
      ]),
    ),
    Options: record.options,
    Labels: record.labels,
  };
}
