import { Columns3 } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useApp } from '../app/context.tsx';
import { CONTAINER_COLUMNS } from './container-columns.tsx';

/** Which columns the list has; kept. */
export function ColumnsMenu() {
  const { settings, changeSettings } = useApp();
  const chosen = settings.containerColumns;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="icon" aria-label="Columns" title="Columns">
          <Columns3 size={16} aria-hidden />
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          {CONTAINER_COLUMNS.map(({ key, label }) => (
            <DropdownMenu.CheckboxItem
              key={key}
              checked={chosen.includes(key)}
              // The menu stays: several are chosen at a time.
              onSelect={(event) => event.preventDefault()}
              onCheckedChange={(isShown) =>
                changeSettings({
                  containerColumns: isShown
                    ? [...chosen, key]
                    : chosen.filter((one) => one !== key),
                })
              }
            >
              <span className="menu-tick" aria-hidden>
                {chosen.includes(key) ? '✓' : ''}
              </span>
              {label}
            </DropdownMenu.CheckboxItem>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
