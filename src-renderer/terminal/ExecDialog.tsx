import { useState } from 'react';
import { splitWords } from '../run/words.ts';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

interface ExecDialogProps {
  readonly onOpen: (choice: {
    readonly command?: string[];
    readonly user?: string;
    readonly directory?: string;
  }) => Promise<void>;
  readonly onClose: () => void;
}

/** A terminal with what `docker exec` lets choose. */
export function ExecDialog({ onOpen, onClose }: ExecDialogProps) {
  const [user, setUser] = useState('');
  const [directory, setDirectory] = useState('');
  const [line, setLine] = useState('');
  const command = splitWords(line);
  return (
    <FormDialog
      title="Open a terminal"
      action="Open"
      isReady={command !== undefined}
      onSend={() =>
        onOpen({
          ...(command && command.length > 0 && { command }),
          ...(user !== '' && { user }),
          ...(directory !== '' && { directory }),
        })
      }
      onClose={onClose}
    >
      <TextField
        label="User"
        help="Name or number, with :group if you like. Empty: the image's."
        autoFocus
        value={user}
        onChange={setUser}
      />
      <TextField
        label="Directory"
        help="Where it begins. Empty: the image's."
        value={directory}
        onChange={setDirectory}
      />
      <TextField
        label="Command"
        help="Empty: the best shell the container has."
        problem={command ? undefined : 'A quote is not closed.'}
        value={line}
        onChange={setLine}
      />
    </FormDialog>
  );
}
