import type { StandInAnswer, StandInRequest } from './standIn.contract.ts';

/** VITAM's envelope around every list: httpCode, $hits, $results, $context. */
export function results(found: unknown[], status = 200, total = found.length): StandInAnswer {
  const $hits = { total, offset: 0, limit: found.length, size: found.length };
  return { status, body: { httpCode: status, $hits, $results: found, $context: {} } };
}

/** VITAM's error document. */
export function fault(status: number, message: string): StandInAnswer {
  return {
    status,
    body: { httpCode: status, code: String(status), context: 'lab stand-in', state: 'code_vitam', message, description: message },
  };
}

/** Tenant of the request's X-Tenant-Id header; null when it is missing or no number. */
export function tenantOf({ headers }: StandInRequest): number | null {
  const text = headers['x-tenant-id'];
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : null;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every string in the field of a body that holds one string or a list of them. */
export function texts(body: unknown, field: string): string[] {
  const value = isRecord(body) ? body[field] : undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each) => typeof each === 'string');
}
