import type { ServiceState } from './services.contract.ts';

export type UnitReading = Omit<ServiceState, 'ports'>;

export interface Told {
  reading: UnitReading;
  /** Whether the state before called for an order. */
  ordered: boolean;
  /** For how long the process that the order started has certainly lived; 0: nothing is proven. */
  livedSeconds: number;
}

/** What both service managers can do with one unit. None of it waits for the unit to be so, except where the manager itself does. */
export interface UnitManager {
  read(): Promise<UnitReading>;
  /** Looks, orders what is needed and looks again, in one breath. Undefined: it cannot, and nothing was done. */
  lookAndOrder?(order: 'start' | 'startWithoutWaiting' | 'stop', limitSeconds: number): Promise<Told | undefined>;
  stop(limitSeconds: number): Promise<void>;
  start(limitSeconds: number): Promise<void>;
  trigger(): Promise<void>;
  /** The end of the unit's log, for messages; empty when it cannot be had. */
  lastWords(): Promise<string>;
}
