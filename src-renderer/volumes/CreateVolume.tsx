import { useState } from 'react';
import { useApp, useLive } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

/** docker's volume names (volume/local volumeNameRegex). */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** `key=value` lines or words; undefined when one has no `=`. */
function parsePairs(text: string): Record<string, string> | undefined {
  const pairs = text.split(/[\s,]+/).filter(Boolean);
  if (pairs.some((pair) => !/^[^=]+=/.test(pair))) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

const PAIRS_PROBLEM = 'Write key=value, separated by spaces.';

export function CreateVolume({ onClose }: { readonly onClose: () => void }) {
  const { engine } = useApp();
  const volumes = useLive((state) => state.volumes);
  const [name, setName] = useState('');
  const [driver, setDriver] = useState('local');
  const [options, setOptions] = useState('');
  const [labels, setLabels] = useState('');
  const nameProblem =
    name === ''
      ? undefined
      : volumes?.some((volume) => volume.Name === name)
        ? 'There is a volume of this name.'
        : NAME.test(name)
          ? undefined
          : 'Two characters or more: letters, digits, and _ . - after the first.';
  const driverOptions = parsePairs(options);
  const parsedLabels = parsePairs(labels);
  return (
    <FormDialog
      title="Create a volume"
      action="Create"
      isReady={
        nameProblem === undefined && driverOptions !== undefined && parsedLabels !== undefined
      }
      onSend={() =>
        engine.json('POST', '/volumes/create', {
          ...(name !== '' && { Name: name }),
          Driver: driver,
          DriverOpts: driverOptions,
          Labels: parsedLabels,
        })
      }
      onClose={onClose}
    >
      <TextField
        label="Name"
        help="Left empty, a random one is chosen."
        value={name}
        problem={nameProblem}
        onChange={setName}
        autoFocus
      />
      <TextField label="Driver" value={driver} onChange={setDriver} />
      <TextField
        label="Driver options"
        help="Of the local driver: type=tmpfs device=tmpfs o=size=100m"
        value={options}
        problem={driverOptions ? undefined : PAIRS_PROBLEM}
        onChange={setOptions}
      />
      <TextField
        label="Labels"
        value={labels}
        problem={parsedLabels ? undefined : PAIRS_PROBLEM}
        onChange={setLabels}
      />
    </FormDialog>
  );
}
