/** The columns a list of containers can have; a person chooses which. */
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import type { Column } from '../ui/DataTable.tsx';
import { formatAge } from '../ui/format.ts';
import { nameOf } from './container-actions.ts';
import { PortLinks } from './PortLinks.tsx';
import { Usage } from './Usage.tsx';

type ContainerColumn = Column<ContainerSummary>;

export const NAME_COLUMN: ContainerColumn = {
  key: 'name',
  label: 'Name',
  width: 'minmax(150px, 1.4fr)',
  sortBy: nameOf,
  render: (container) => (
    <span className="two-lines">
      <b>{nameOf(container)}</b>
      <code className="muted">{container.Id?.slice(0, 12)}</code>
    </span>
  ),
};

const mountText = ({ Mounts }: ContainerSummary): string =>
  (Mounts ?? [])
    .map(({ Name, Source, Destination }) => `${Name ?? Source}:${Destination}`)
    .join(', ');
const networkText = ({ NetworkSettings }: ContainerSummary): string =>
  Object.keys(NetworkSettings?.Networks ?? {}).join(', ');
const addressText = ({ NetworkSettings }: ContainerSummary): string =>
  Object.values(NetworkSettings?.Networks ?? {})
    .map((endpoint) => endpoint?.IPAddress)
    .filter(Boolean)
    .join(', ');

/** A column of plain text. */
const text = (
  key: string,
  label: string,
  textOf: (container: ContainerSummary) => string,
): ContainerColumn => ({
  key,
  label,
  width: 'minmax(100px, 1fr)',
  sortBy: textOf,
  render: (container) => {
    const shown = textOf(container);
    return <span title={shown}>{shown || <span className="muted">–</span>}</span>;
  },
});

export const CONTAINER_COLUMNS: readonly ContainerColumn[] = [
  text('image', 'Image', ({ Image }) => Image ?? ''),
  {
    key: 'state',
    label: 'State',
    width: 'minmax(130px, 1fr)',
    sortBy: ({ State }) => State ?? '',
    render: ({ State, Status, Created }) => (
      <span className="two-lines">
        <span className="state">
          <span className={`dot dot-${State}`} aria-hidden /> {State}
        </span>
        <span className="muted">{State === 'created' ? formatAge(Created ?? 0) : Status}</span>
      </span>
    ),
  },
  {
    key: 'usage',
    label: 'CPU, memory',
    width: '90px',
    render: ({ Id = '', State }) => <Usage id={Id} isRunning={State === 'running'} />,
  },
  {
    key: 'ports',
    label: 'Ports',
    width: 'minmax(90px, 0.8fr)',
    render: ({ Ports }) => <PortLinks ports={Ports ?? []} />,
  },
  text('command', 'Command', ({ Command }) => Command ?? ''),
  {
    key: 'created',
    label: 'Created',
    width: '110px',
    sortBy: ({ Created }) => Created ?? 0,
    render: ({ Created }) => formatAge(Created ?? 0),
  },
  text('networks', 'Networks', networkText),
  text('addresses', 'Addresses', addressText),
  text('mounts', 'Mounts', mountText),
];
