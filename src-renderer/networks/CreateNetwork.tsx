import { useState } from 'react';
import { useApp, useLive } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

const DRIVERS = ['bridge', 'macvlan', 'ipvlan'] as const;
const SUBNET = /^[0-9a-fA-F.:]+\/\d{1,3}$/;
const ADDRESS = /^[0-9a-fA-F.:]+$/;

export function CreateNetwork({ onClose }: { readonly onClose: () => void }) {
  const { engine } = useApp();
  const networks = useLive((state) => state.networks);
  const [name, setName] = useState('');
  const [driver, setDriver] = useState<(typeof DRIVERS)[number]>('bridge');
  const [parent, setParent] = useState('');
  const [subnet, setSubnet] = useState('');
  const [gateway, setGateway] = useState('');
  const [isInternal, setIsInternal] = useState(false);
  const [hasIpv6, setHasIpv6] = useState(false);
  const nameProblem = networks?.some(({ Name }) => Name === name)
    ? 'There is a network of this name.'
    : undefined;
  const subnetProblem =
    subnet === '' || SUBNET.test(subnet) ? undefined : 'Write it as 10.5.0.0/16.';
  const gatewayProblem =
    gateway === '' || ADDRESS.test(gateway) ? undefined : 'Write an address, e.g. 10.5.0.1.';
  const create = (): Promise<unknown> =>
    engine.json('POST', '/networks/create', {
      Name: name,
      Driver: driver,
      CheckDuplicate: true,
      Internal: isInternal,
      EnableIPv6: hasIpv6,
      ...(subnet !== '' && {
        IPAM: { Config: [{ Subnet: subnet, ...(gateway !== '' && { Gateway: gateway }) }] },
      }),
      ...(parent !== '' && driver !== 'bridge' && { Options: { parent } }),
    });
  return (
    <FormDialog
      title="Create a network"
      action="Create"
      isReady={name !== '' && !nameProblem && !subnetProblem && !gatewayProblem}
      onSend={create}
      onClose={onClose}
    >
      <TextField label="Name" value={name} problem={nameProblem} onChange={setName} autoFocus />
      <div className="field">
        <label htmlFor="network-driver">Driver</label>
        <select
          id="network-driver"
          value={driver}
          onChange={(event) => setDriver(event.target.value as (typeof DRIVERS)[number])}
        >
          {DRIVERS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      {driver !== 'bridge' && (
        <TextField
          label="Parent interface"
          help="The interface of the host it hangs on, e.g. eth0."
          value={parent}
          onChange={setParent}
        />
      )}
      <TextField
        label="Subnet"
        help="Left empty, a free one is chosen."
        value={subnet}
        problem={subnetProblem}
        onChange={setSubnet}
      />
      {subnet !== '' && (
        <TextField label="Gateway" value={gateway} problem={gatewayProblem} onChange={setGateway} />
      )}
      <label className="check">
        <input
          type="checkbox"
          checked={isInternal}
          onChange={(event) => setIsInternal(event.target.checked)}
        />
        Internal: no way out to other networks
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={hasIpv6}
          onChange={(event) => setHasIpv6(event.target.checked)}
        />
        IPv6
      </label>
    </FormDialog>
  );
}
