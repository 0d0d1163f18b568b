import type { Say } from '../../setup/installer.contract.ts';
import type { LabMachine, LabMachines, LabService } from '../machines/machines.contract.ts';
import type { LabShape } from './platform.ts';
import type { NewOperation, StandInKnobs } from './standIns/standIn.contract.ts';

export interface LabOptions {
  /** Where everything of the lab lies; made when absent. Two labs in two directories live side by side. */
  directory: string;
  /** Default "full". A directory keeps the shape of its first `up`. */
  shape?: LabShape;
  /** Bytes of documents per shard, in megabytes. Default 100; counts at the first `up` only. */
  megabytesPerShard?: number;
  /** Default "supervisor". Or machines made elsewhere. */
  machines?: 'supervisor' | 'systemd' | LabMachines;
}

/** The all-in-one VITAM platform: real machines, service managers and MongoDB; the Java components are stand-ins. */
export interface Lab {
  readonly directory: string;
  readonly shape: LabShape;
  /** The lab as a platform file; there once `up` has ended. */
  readonly platformFile: string;
  /** Holds one file per secret that the platform file names. */
  readonly secretsDirectory: string;
  /** Everything up and running: machines, MongoDB (made from nothing the first time), components. Repeatable: what runs is left alone. */
  up(say?: Say): Promise<LabMachine[]>;
  /** Ends every process of the lab; its disks stay. Repeatable. */
  down(say?: Say): Promise<void>;
  /** Power loss of a machine, and its return with its disk: its units stay down until somebody starts them. */
  powerOff(machine: string): Promise<void>;
  powerOn(machine: string): Promise<void>;
  services(): Promise<LabService[]>;
  /** Sets faults of a component's stand-in on one machine; `null` takes one away. Returns all that are set now. */
  setKnobs(machine: string, component: string, knobs: { [Name in keyof StandInKnobs]: StandInKnobs[Name] | null }): Promise<StandInKnobs>;
  /** Gives processing one more workflow. */
  addOperation(operation: NewOperation): Promise<void>;
  /** Ends this process's own connections to the lab; the lab goes on. */
  close(): Promise<void>;
}
