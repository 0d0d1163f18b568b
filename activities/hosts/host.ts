import type { Duplex, Readable } from 'node:stream';

import type { HostRef } from './hosts.contract.ts';

export interface RunOptions {
  /** Ends the command with TERM, then KILL after 5 s: on the host itself, not only the local side of the connection. */
  signal?: AbortSignal;
  timeoutSeconds?: number;
  /** Written to the command's standard input, then closed. */
  input?: string;
  /** Accepted exit codes; any other throws CommandFailed with the command, code, time and the tail of stderr. Default [0]. */
  accept?: number[];
}

export interface CommandResult {
  exitCode: number;
  /** At most the first 1 MiB; `truncated` tells. */
  stdout: string;
  /** At most the last 8 KiB. */
  stderrTail: string;
  truncated: boolean;
  elapsedMs: number;
}

/** The port answered "refused": nothing listens there. Any other trouble on the way is HostUnreachable. */
export class ConnectionRefused extends Error {
  override name = 'ConnectionRefused';
}

/**
 * An open way to a machine: this one, or another over one kept SSH connection with many channels.
 * Commands are argument arrays; whatever they hold is data, never shell text.
 */
export interface Host {
  readonly ref: HostRef;
  run(command: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** A command whose standard output is streamed without limit (files to the object store). `done` rejects as `run` does. */
  stream(command: readonly string[], options?: RunOptions): Promise<{ stdout: Readable; done: Promise<CommandResult> }>;
  /** A TCP connection made from the host's own point of view; address defaults to the host's service address. Throws ConnectionRefused. */
  connect(port: number, address?: string): Promise<Duplex>;
  /** A loopback port on the worker whose connections come out at the host's `address:port`. */
  forward(port: number, address?: string): Promise<{ port: number; close(): Promise<void> }>;
}

/** Opens or reuses the way to a host. Throws HostUnreachable, HostKeyChanged, CredentialsRejected, SecretMissing. */
export type OpenHost = (ref: HostRef) => Promise<Host>;

/** Reads a secret by its name, fresh at every call. Throws SecretMissing. */
export type ResolveSecret = (name: string) => Promise<string>;
