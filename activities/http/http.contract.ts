import type { HostRef } from '../hosts/hosts.contract.ts';
import type { SessionAnswer, SessionInput } from './httpSession.contract.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  scheme: 'http' | 'https';
  port: number;
  path: string;
  headers?: Record<string, string>;
  /** JSON body. */
  body?: unknown;
  timeoutSeconds: number;
  /** Names of secrets for https: client certificate and key (PEM), authority (PEM). */
  tls?: { certificate?: string; key?: string; authority?: string; serverName?: string };
}

export interface HttpAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** Parsed body when it is JSON and at most 256 KiB. */
  json?: unknown;
  /** First 2,000 characters when it is not JSON. */
  text?: string;
  elapsedMs: number;
}

export interface HttpActivities {
  /**
   * One request to a service of `host`, made from the host's own point of view (through its SSH connection), so no service port need be open to the worker.
   * A status outside `accept` fails with HttpUnexpectedAnswer (retried by the caller's profile), no answer with HttpUnreachable.
   */
  requestHttp(input: { host: HostRef; request: HttpRequest; accept: number[] }): Promise<HttpAnswer>;
  /** The same for several requests to one host, one after the other over one connection, in one activity; answers in the order of the requests. */
  requestHttpAll(input: { host: HostRef; requests: HttpRequest[]; accept: number[] }): Promise<HttpAnswer[]>;
  /**
   * Asks until a status in `accept` comes, for at most `limitSeconds`; a request under way then may take up to 10 s more. Heartbeats. Fails with HttpUnexpectedAnswer or HttpUnreachable, telling the last answer.
   */
  waitForHttp(input: { host: HostRef; request: HttpRequest; accept: number[]; limitSeconds: number }): Promise<HttpAnswer>;
  /**
   * Several requests as one visitor: cookies, redirects, forms, texts found in pages. A step that fails ends the session, except for the steps marked `always`; how each
   * step ended is data. Secrets are read by name and masked in every answer. Heartbeats the step. Repeatable as far as what the steps do is; begins anew.
   * Fails with InvalidInput, SecretMissing, CredentialsRejected (certificates), HostUnreachable (the host whose point of view it is).
   */
  runHttpSession(input: SessionInput): Promise<SessionAnswer>;
}
