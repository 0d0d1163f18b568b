import type { ServiceState } from './services.contract.ts';

export type UnitReading = Omit<ServiceState, 'ports'>;

/** What both service managers can do with one unit. None of it waits for the unit to be so, except where the manager itself does. */
export interface UnitManager {
  read(): Promise<UnitReading>;
  stop(limitSeconds: number): Promise<void>;
  start(limitSeconds: number): Promise<void>;
  trigger(): Promise<void>;
  /** The end of the unit's log, for messages; empty when it cannot be had. */
  lastWords(): Promise<string>;
}
