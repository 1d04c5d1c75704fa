import {
  Activity,
  Container,
  HardDrive,
  KeyRound,
  Layers,
  type LucideIcon,
  Network,
  PieChart,
  Server,
  Settings,
  SquareTerminal,
  Stethoscope,
} from 'lucide-react';

interface Section {
  readonly path: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** Keys that lead there, one after the other. */
  readonly keys: string;
}

/** The window's places, in the order of the sidebar. */
export const SECTIONS: readonly Section[] = [
  { path: '/', label: 'Containers', icon: Container, keys: 'g c' },
  { path: '/images', label: 'Images', icon: Layers, keys: 'g i' },
  { path: '/volumes', label: 'Volumes', icon: HardDrive, keys: 'g v' },
  { path: '/networks', label: 'Networks', icon: Network, keys: 'g n' },
  { path: '/terminals', label: 'Terminals', icon: SquareTerminal, keys: 'g t' },
  { path: '/registries', label: 'Registries', icon: KeyRound, keys: 'g e' },
  { path: '/disk', label: 'Disk use', icon: PieChart, keys: 'g d' },
  { path: '/activity', label: 'Activity', icon: Activity, keys: 'g a' },
  { path: '/hosts', label: 'Hosts', icon: Server, keys: 'g h' },
  { path: '/troubleshooting', label: 'Troubleshooting', icon: Stethoscope, keys: 'g r' },
  { path: '/settings', label: 'Settings', icon: Settings, keys: 'g s' },
];
