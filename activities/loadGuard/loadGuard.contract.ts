import type { PostgresRef } from '../postgres/postgres.contract.ts';

/** What can be read of the load that people's work puts up with (pix 32). Nothing in it is secret. */
export type LoadSource = MetricSource | ResponseTimeSource | BusyBackendsSource;

interface AnySource {
  /** How people call it, for example "production CPU". */
  name: string;
  /** Readings above it breach. */
  limit: number;
  /** So many breaches in a row are one for the guard: a peak is none. */
  inARow: number;
}

/** Processor use in per cent, as a metrics endpoint tells it. */
export interface MetricSource extends AnySource {
  kind: 'metric';
  /** Name of the secret that holds the URL; the URL is shown nowhere. */
  url: string;
  /** Name of the secret that holds the value of the header Authorization. */
  token?: string;
  read: MetricReading;
  timeoutSeconds: number;
}

/**
 * Where the value stands. `series`: one sample of a Prometheus text page (`labels` may be some of its labels). `idleSeconds`: a counter of processor seconds by
 * `mode`, as node_exporter's; read twice, `apartSeconds` apart. `field`: a place in a JSON answer, for example "data.result.0.value.1" of a Prometheus query.
 * `factor` makes per cent of it: 100 for a share of 1.
 */
export type MetricReading =
  | { form: 'series'; metric: string; labels: Record<string, string>; factor: number }
  | { form: 'idleSeconds'; metric: string; labels: Record<string, string>; apartSeconds: number }
  | { form: 'field'; field: string; factor: number };

/** How long an application takes for one GET, in milliseconds, to the last byte. No answer, and a status of 500 or above, breach too. */
export interface ResponseTimeSource extends AnySource {
  kind: 'responseTime';
  url: string;
  timeoutSeconds: number;
}

/**
 * For a database whose machine cannot be asked: sessions that are at work and wait for nothing (pg_stat_activity), per core, as a mean of `samples`. It is no
 * CPU use: it sees this one database server, and neither what else the machine does nor what a session does between two samples.
 */
export interface BusyBackendsSource extends AnySource {
  kind: 'busyBackends';
  server: PostgresRef;
  cores: number;
  samples: number;
  apartSeconds: number;
}

export interface LoadReading {
  name: string;
  /** Null: it cannot be read now, which is neither a breach nor good. */
  value: number | null;
  breached: boolean;
  /** In words with numbers and units, for example "production CPU 93 % (limit 80)". */
  said: string;
}

/** `breached`: a source was above its limit so often in a row. `good`: all that could be read were within theirs so often. `unreadable`: one could not be read so often. `limit`: time is over. */
export interface LoadVerdict {
  verdict: 'breached' | 'good' | 'unreadable' | 'limit';
  /** The last round. */
  readings: LoadReading[];
  /** What decided, in words; empty for `limit`. */
  why: string;
}

export interface LoadGuardActivities {
  /**
   * Reads all sources again and again until they say what is waited for. Repeatable: reads only; another attempt counts anew. Heartbeats the readings.
   * @param until `breached` or `good` (`goodInARow` rounds); a source that becomes unreadable is reported first, unless it is in `known`.
   * Fails with SecretMissing, InvalidInput.
   */
  watchLoad(input: {
    sources: LoadSource[];
    until: 'breached' | 'good';
    goodInARow: number;
    everySeconds: number;
    limitSeconds: number;
    known: string[];
  }): Promise<LoadVerdict>;
}
