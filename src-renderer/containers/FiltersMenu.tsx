import { ListFilter } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import type { ContainerFilter } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

/** What a list is narrowed to, without a name. */
type Narrowing = Omit<ContainerFilter, 'name'>;

interface FiltersMenuProps {
  readonly current: Narrowing;
  readonly onChoose: (narrowing: Narrowing) => void;
}

/** Filters kept under a name: chosen, added, forgotten. */
export function FiltersMenu({ current, onChoose }: FiltersMenuProps) {
  const { settings, changeSettings } = useApp();
  const [isNaming, setIsNaming] = useState(false);
  const kept = settings.containerFilters;
  const isSame = (filter: ContainerFilter): boolean =>
    filter.search === current.search && filter.state === current.state;
  const chosen = kept.find(isSame);
  const isPlain = current.search === '' && current.state === 'all';
  const keep = (containerFilters: ContainerFilter[]): void => changeSettings({ containerFilters });
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger asChild>
          <button type="button">
            <ListFilter size={16} aria-hidden /> {chosen?.name ?? 'Filters'}
          </button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className="menu" align="start">
            {kept.map((filter) => (
              <DropdownMenu.Item key={filter.name} onSelect={() => onChoose(filter)}>
                {filter.name}
              </DropdownMenu.Item>
            ))}
            {chosen && (
              <DropdownMenu.Item onSelect={() => keep(kept.filter((one) => one !== chosen))}>
                Forget “{chosen.name}”
              </DropdownMenu.Item>
            )}
            <DropdownMenu.Item
              disabled={isPlain || chosen !== undefined}
              onSelect={() => setIsNaming(true)}
            >
              Keep this filter…
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {isNaming && (
        <NameDialog
          onName={(name) =>
            keep([...kept.filter((one) => one.name !== name), { name, ...current }])
          }
          onClose={() => setIsNaming(false)}
        />
      )}
    </>
  );
}

interface NameDialogProps {
  readonly onName: (name: string) => void;
  readonly onClose: () => void;
}

function NameDialog({ onName, onClose }: NameDialogProps) {
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="Keep this filter"
      action="Keep"
      isReady={name.trim() !== ''}
      onSend={async () => onName(name.trim())}
      onClose={onClose}
    >
      <TextField label="Name" autoFocus maxLength={60} value={name} onChange={setName} />
    </FormDialog>
  );
}
