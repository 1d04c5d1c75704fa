/** Our rules come back when others flush, reload or start a firewall (moby does so for firewalld alone). */
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { type RuleSetChange, RuleSetMonitor } from '../platform/rule-set-monitor.ts';
import type { Firewall } from './firewall.ts';
import { FIREWALLD_TABLE } from './firewalld-zone.ts';
import { FORWARD_CHAINS } from './forward-policy.ts';

/** A flush or reload is many changes; they are answered once. */
const SETTLING_MS = 200;

/** Until it is disposed of. Where the kernel tells nothing, that is logged and nothing comes back by itself. */
export function watchFirewall(firewall: Firewall, log: Log): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const restore = async (): Promise<void> => {
    timer = undefined;
    try {
      await firewall.restore();
    } catch (error) {
      log.error('firewall rules could not be restored', { error: errorMessage(error) });
    }
  };
  const onChanges = (changes: readonly RuleSetChange[]): void => {
    if (!timer && changes.some((change) => mayConcernUs(change, firewall.table)))
      timer = setTimeout(() => void restore(), SETTLING_MS);
  };
  try {
    const monitor = new RuleSetMonitor(onChanges);
    return {
      [Symbol.dispose]: () => {
        monitor[Symbol.dispose]();
        clearTimeout(timer);
      },
    };
  } catch (error) {
    log.warn('firewall changes of others are not seen', { error: errorMessage(error) });
    return { [Symbol.dispose]: () => undefined };
  }
}

/** What other programs do all day, as dockerd for each container, does not. */
function mayConcernUs({ kind, table, chain }: RuleSetChange, own: string): boolean {
  if (kind === 'unknown' || kind === 'table deleted') return true;
  if (table === own) return kind.endsWith('deleted');
  if (table === FIREWALLD_TABLE) return kind === 'table added';
  return table === 'filter' && FORWARD_CHAINS.includes(chain);
}
