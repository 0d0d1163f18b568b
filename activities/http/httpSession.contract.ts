import type { HostRef } from '../hosts/hosts.contract.ts';
import type { HttpRequest } from './http.contract.ts';

/** A text in which `{{name}}` stands for what an earlier step found under that name, or the name of a secret. */
export type SessionValue = string | { secret: string };

/** One request of a session, and what must come of it. */
export interface SessionStep {
  name: string;
  /** Absolute, or relative to the page before; `{{name}}` as in a SessionValue. Redirects are followed, at most 10. */
  url: string;
  /** Fields of a form: then the step is a POST, else a GET. */
  form?: Record<string, SessionValue>;
  headers?: Record<string, SessionValue>;
  /** Name → regular expression; its first group (without one, all of it) is looked for in the page. A text that is not there fails the step. */
  find?: Record<string, string>;
  /** Absent: any status below 400. `url` and `text` are regular expressions for the address and the page at the end; `absent`: what may not stand there. */
  expect?: { status?: number[]; url?: string; text?: string; absent?: string };
  /** Also after a step that failed, or a cancellation: a logout. */
  always?: boolean;
  timeoutSeconds: number;
}

export interface SessionInput {
  /** Whose point of view; absent: the worker's. */
  host?: HostRef;
  /** Names of secrets for https, as for a single request. */
  tls?: Omit<NonNullable<HttpRequest['tls']>, 'serverName'>;
  steps: SessionStep[];
}

export interface StepAnswer {
  name: string;
  /** Why it failed; null: as expected. Of a step that was left out: "not done". */
  failed: string | null;
  /** Of the last page, 0 when none came. */
  status: number;
  /** From the first byte that was sent to the last that came, redirects included. */
  elapsedMs: number;
  /** Of the last page's body; more than 8 MiB are not read. */
  bytes: number;
  /** Where it ended, and the ways it was sent on before. Secrets are masked. */
  url: string;
  redirects: string[];
  found: Record<string, string>;
}

export interface SessionAnswer {
  /** Every step that was to be done was as expected. */
  isGood: boolean;
  steps: StepAnswer[];
}
