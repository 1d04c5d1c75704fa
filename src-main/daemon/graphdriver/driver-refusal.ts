/** A graph driver cannot be used here; the automatic choice goes on to the next (moby graphdriver/errors.go). */
import { EngineError } from '../../../shared/errors.ts';

const REASONS = {
  prerequisites: 'prerequisites for driver not satisfied (wrong filesystem?)',
  unsupported: 'driver not supported',
} as const;

export class DriverRefusal extends EngineError {
  /** `details` tells the user what it is about and the way out. */
  constructor(reason: keyof typeof REASONS, details: string) {
    super('unavailable', `${REASONS[reason]}: ${details}`);
  }
}
