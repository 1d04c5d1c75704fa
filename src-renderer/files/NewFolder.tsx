import { useState } from 'react';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

interface NewFolderProps {
  readonly onMake: (name: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for the name of a folder. */
export function NewFolder({ onMake, onClose }: NewFolderProps) {
  const [name, setName] = useState('');
  const isBad = name.includes('/') || name === '.' || name === '..';
  return (
    <FormDialog
      title="New folder"
      action="Make it"
      isReady={name !== '' && !isBad}
      onSend={() => onMake(name)}
      onClose={onClose}
    >
      <TextField
        label="Name"
        autoFocus
        value={name}
        problem={isBad ? 'A name has no slash and is not a dot.' : undefined}
        onChange={setName}
      />
    </FormDialog>
  );
}
