/** Words of the command line that say nothing of the container, and other spellings of those that do. */
/** Options that only matter to the command line itself: accepted there and left out. */
export const LINE_ONLY: ReadonlyMap<string, 'flag' | 'value'> = new Map([
  ['detach', 'flag'],
  ['sig-proxy', 'flag'],
  ['quiet', 'flag'],
  ['disable-content-trust', 'flag'],
  ['attach', 'value'],
  ['cidfile', 'value'],
  ['detach-keys', 'value'],
  ['pull', 'value'],
]);
export const LINE_ONLY_SHORT: Readonly<Record<string, string>> = {
  d: 'detach',
  a: 'attach',
  q: 'quiet',
};

/** Other spellings the docker command takes. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  net: 'network',
  'net-alias': 'network-alias',
  'dns-opt': 'dns-option',
};
