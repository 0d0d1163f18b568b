import type { ServiceState } from './services.contract.ts';

export type UnitReading = Omit<ServiceState, 'ports'>;

/** What a manager tells of a unit right after an order. */
export interface Told {
  reading: UnitReading;
  /** For how long the process that the order started has certainly lived; 0: nothing is proven. */
  livedSeconds: number;
}

/** What both service managers can do with one unit. None of it waits for the unit to be so, except where the manager itself does. */
export interface UnitManager {
  read(): Promise<UnitReading>;
  /** Tells nothing when only a look can tell. */
  stop(limitSeconds: number): Promise<Told | undefined>;
  start(limitSeconds: number): Promise<Told | undefined>;
  trigger(): Promise<void>;
  /** The end of the unit's log, for messages; empty when it cannot be had. */
  lastWords(): Promise<string>;
}
