/**
 * The plugins of this machine, by name: found by a socket or a spec file, activated when first needed.
 * Volume, network and IPAM drivers and log and authorization plugins all come through here.
 * Follows moby pkg/plugins.
 */

import { notFound } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { HttpPlugin } from './http-plugin.ts';
import type { Plugin } from './plugin.ts';
import { findPlugin, listPluginNames, type PluginDirectories } from './plugin-discovery.ts';

/** What plugins can be, as they say of themselves in the handshake. */
type PluginCapability = 'VolumeDriver' | 'NetworkDriver' | 'IpamDriver' | 'LogDriver' | 'authz';

export interface PluginManager {
  /** Throws notFound `plugin "x" not found`, or `plugin does not implement the requested driver`. */
  get(name: string, capability: PluginCapability): Promise<Plugin>;
  /** All that can do it; those that do not answer are logged and left out. */
  all(capability: PluginCapability): Promise<readonly Plugin[]>;
}

export interface PluginManagerOptions {
  readonly directories: PluginDirectories;
  readonly log: Log;
  /** How long a plugin that cannot be reached is asked again (default 30 s, as moby). */
  readonly activationLimitMs?: number;
}

/** One manager a daemon. */
export function createPluginManager(options: PluginManagerOptions): PluginManager {
  const active = new Map<string, Promise<Plugin>>();

  const activate = async (name: string, limitMs?: number): Promise<Plugin> => {
    const address = await findPlugin(options.directories, name);
    if (!address) throw notFound(`plugin "${name}" not found`);
    return HttpPlugin.activate(address, {
      log: options.log,
      limitMs: limitMs ?? options.activationLimitMs ?? 30_000,
    });
  };

  const open = (name: string, limitMs?: number): Promise<Plugin> => {
    const present = active.get(name);
    if (present) return present;
    const opening = activate(name, limitMs);
    active.set(name, opening);
    // One that failed is looked for again the next time.
    opening.catch(() => active.delete(name));
    return opening;
  };

  const manager: PluginManager = {
    async get(name, capability) {
      const plugin = await open(name);
      if (!plugin.capabilities.includes(capability))
        throw notFound('plugin does not implement the requested driver');
      return plugin;
    },
    async all(capability) {
      const names = await listPluginNames(options.directories);
      const opened = await Promise.all(
        names.map(async (name) => {
          try {
            return await open(name, 0);
          } catch (error) {
            options.log.warn('plugin cannot be used', { plugin: name, error: String(error) });
            return undefined;
          }
        }),
      );
      return opened.filter(
        (plugin): plugin is Plugin => plugin?.capabilities.includes(capability) ?? false,
      );
    },
  };
  return manager;
}
