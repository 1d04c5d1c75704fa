/** What the table of options says of one. */

import type { Codec } from './codecs.ts';
import * as as from './codecs.ts';

export const OPTION_GROUPS = [
  'Command',
  'Network',
  'Files',
  'Limits',
  'Health',
  'Security',
  'More',
] as const;
export type OptionGroup = (typeof OPTION_GROUPS)[number];

/** How a person fills it in. */
type OptionKind = 'text' | 'switch' | 'choice' | 'list' | 'pairs' | 'ports' | 'volumes';

export interface RunOption {
  /** The long option, without dashes. */
  readonly name: string;
  readonly short?: string;
  readonly group: OptionGroup;
  readonly kind: OptionKind;
  readonly label: string;
  readonly help: string;
  readonly placeholder?: string;
  readonly choices?: readonly (readonly [value: string, words: string])[];
  /** Field of the body, e.g. `HostConfig.Memory`; without it the plan treats the option itself. */
  readonly field?: string;
  readonly codec: Codec;
}

type Extra = Partial<Pick<RunOption, 'short' | 'placeholder' | 'choices' | 'field' | 'kind'>>;

const KIND_OF = new Map<Codec, OptionKind>([
  [as.flag, 'switch'],
  [as.list, 'list'],
  [as.pairs, 'pairs'],
  [as.environment, 'pairs'],
  [as.ulimits, 'list'],
  [as.devices, 'list'],
  [as.bytesEachSecond, 'list'],
  [as.operationsEachSecond, 'list'],
  [as.mounts, 'list'],
  [as.tmpfs, 'list'],
]);

/** Options of one group, each said in one line: name, words for people, codec, the rest. */
export function group(of: OptionGroup) {
  return (
    name: string,
    [label, help]: readonly [label: string, help: string],
    codec: Codec,
    extra: Extra = {},
  ): RunOption => ({
    name,
    label,
    help,
    group: of,
    codec,
    kind: extra.choices ? 'choice' : (KIND_OF.get(codec) ?? 'text'),
    ...extra,
  });
}

/** Options whose last word wins. */
export const isSingle = ({ kind }: RunOption): boolean =>
  ['text', 'switch', 'choice'].includes(kind);
