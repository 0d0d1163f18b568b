import { uuid4 } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { HttpAnswer, HttpRequest } from '../../activities/http/http.contract.ts';
import type { VitamComponent, VitamPlatform } from './platform.contract.ts';

export function component(platform: VitamPlatform, name: string): VitamComponent {
  const found = platform.components.find((each) => each.name === name);
  if (!found) throw failure('InvalidDefinition', `component "${name}" is not described`);
  return found;
}

export function hostsOf(platform: VitamPlatform, name: string): { host: HostRef; component: VitamComponent }[] {
  const found = component(platform, name);
  return found.hosts.map((host) => ({ host, component: found }));
}

/** First host of a component: for requests that any instance may answer. */
export function anyHostOf(platform: VitamPlatform, name: string): { host: HostRef; component: VitamComponent } {
  const first = hostsOf(platform, name)[0];
  if (!first) throw failure('InvalidDefinition', `component "${name}" has no host`);
  return first;
}

/** A request to a VITAM service with its tenant headers (vitam 18). The scheduler answers on its admin port. */
export function apiRequest(
  target: VitamComponent,
  { method, path, tenant, body, admin }: { method: HttpRequest['method']; path: string; tenant?: number; body?: unknown; admin?: boolean },
): HttpRequest {
  return {
    method,
    path,
    scheme: target.status?.scheme ?? 'http',
    port: admin ? (target.adminPort ?? target.servicePort) : target.servicePort,
    headers: { 'x-request-id': uuid4(), ...(tenant === undefined ? {} : { 'x-tenant-id': String(tenant) }) },
    ...(body === undefined ? {} : { body }),
    ...(target.status?.tls ? { tls: target.status.tls } : {}),
    timeoutSeconds: target.limits.apiSeconds,
  };
}

/** Rows of an answer: VITAM wraps lists in `$results`; some calls answer with the bare list or one bare object. */
export function rowsOf<Row>({ json }: HttpAnswer): Row[] {
  if (Array.isArray(json)) return json as Row[];
  if (typeof json !== 'object' || json === null) return [];
  const { $results: results } = json as { $results?: unknown };
  return Array.isArray(results) ? (results as Row[]) : [json as Row];
}
