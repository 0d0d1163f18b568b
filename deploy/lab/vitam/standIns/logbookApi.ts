import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { fault, isRecord, results, tenantOf } from './envelope.ts';
import type { StandInAnswer, StandInApi, StandInConfiguration, StandInKnobs } from './standIn.contract.ts';
import { stateFile } from './stateFile.ts';

/** A logbook operation as VITAM stores it, as far as the backup looks. */
interface LogbookEvent {
  evId: string;
  evType: string;
  evTypeProc: string;
  evDateTime: string;
  outcome: string;
  _tenant: number;
  events: { evType: string; evDateTime: string; outcome: string }[];
}

interface Lifecycle {
  id: string;
  tenant: number;
  endsAt: number;
  outcome: string;
}

const keptEvents = 500;
/** Tenants whose life cycles have something to secure; the others answer 202. */
const busyTenants = new Set([0, 1]);
const base = '/logbook/v1';

/**
 * Stand-in for VITAM logbook's securisation (vitam 22). As there, the one of the operations needs storage and workspace,
 * the one of the life cycles processing and worker: with one of them down its outcome is FATAL.
 */
export function logbookApi({ stateDirectory, peers }: StandInConfiguration): StandInApi {
  const file = stateFile<LogbookEvent[]>(`${stateDirectory}/logbook.json`, []);
  const lifecycles: Lifecycle[] = [];

  async function missing(names: string[]): Promise<string[]> {
    const up = await Promise.all(names.map(async (name) => (await Promise.all((peers[name] ?? []).map(listens))).includes(true)));
    return names.filter((_, index) => !up[index]);
  }

  async function secureOperations(tenants: number[], knobs: StandInKnobs): Promise<StandInAnswer> {
    const beganAt = new Date().toISOString();
    await sleep((knobs.securisationSeconds ?? 1) * 1000);
    const down = await missing(['storage', 'workspace']);
    const ended = tenants.map((tenant) => {
      const outcome = down.length > 0 ? 'FATAL' : (knobs.securisationOutcome ?? (busyTenants.has(tenant) ? 'OK' : 'WARNING'));
      return eventOf(tenant, beganAt, outcome);
    });
    file.write([...file.read(), ...ended].slice(-keptEvents));
    return results(ended.map(({ _tenant, evId }) => ({ tenantId: _tenant, operationId: evId })));
  }

  async function secureLifecycles(tenant: number, knobs: StandInKnobs): Promise<StandInAnswer> {
    if (!busyTenants.has(tenant)) return results([], 202);
    const down = await missing(['processing', 'worker']);
    const seconds = down.length > 0 ? 0 : (knobs.lifecycleSeconds ?? 1);
    const id = operationId();
    lifecycles.push({ id, tenant, endsAt: Date.now() + seconds * 1000, outcome: down.length > 0 ? 'FATAL' : 'OK' });
    return results([id]);
  }

  return async (request, knobs) => {
    const { method, path, body } = request;
    if (!path.startsWith(`${base}/`)) return null;
    const tenant = tenantOf(request);
    if (tenant === null) return fault(400, 'missing the tenant id (X-Tenant-Id)');
    if (method === 'POST' && path === `${base}/operations/traceability`) {
      const tenants: unknown[] = Array.isArray(body) ? body : [tenant];
      return secureOperations(tenants.map(Number), knobs);
    }
    if (method === 'POST' && (path === `${base}/lifecycles/units/traceability` || path === `${base}/lifecycles/objectgroups/traceability`))
      return secureLifecycles(tenant, knobs);
    const checked = after(path, `${base}/lifecycles/traceability/check/`);
    if (method === 'GET' && checked !== null) {
      const run = lifecycles.find(({ id }) => id === checked);
      if (!run) return fault(404, `no life-cycle securisation ${checked}`);
      const completed = Date.now() >= run.endsAt;
      return results([{ completed, paused: false, outcome: completed ? run.outcome : 'STARTED', maxEntriesReached: false }]);
    }
    if (method === 'GET' && path === `${base}/operations`) return select(file.read(), body);
    const asked = after(path, `${base}/operations/`);
    if (method === 'GET' && asked !== null) {
      const event = file.read().find(({ evId }) => evId === asked);
      return event ? results([event]) : fault(404, `no logbook operation ${asked}`);
    }
    return null;
  };
}

function after(path: string, prefix: string): string | null {
  return path.startsWith(prefix) && path.length > prefix.length ? decodeURIComponent(path.slice(prefix.length)) : null;
}

function operationId(): string {
  return `aecaaaaaac${randomUUID().replaceAll('-', '').slice(0, 26)}`;
}

function eventOf(tenant: number, evDateTime: string, outcome: string): LogbookEvent {
  const endedAt = new Date().toISOString();
  const step = (evType: string): LogbookEvent['events'][number] => ({ evType, evDateTime: endedAt, outcome });
  return {
    evId: operationId(),
    evType: 'STP_OP_SECURISATION',
    evTypeProc: 'TRACEABILITY',
    evDateTime,
    outcome,
    _tenant: tenant,
    events: [step('OP_SECURISATION_TIMESTAMP'), step('OP_SECURISATION_STORAGE'), step('STP_OP_SECURISATION')],
  };
}

/** As much of VITAM's query language as the backup needs: $eq, $gte, $gt, $lte, $lt, $in under $and; $orderby, $limit, $offset. */
function select(events: LogbookEvent[], body: unknown): StandInAnswer {
  const query = isRecord(body) ? body.$query : undefined;
  const filter = isRecord(body) && isRecord(body.$filter) ? body.$filter : {};
  const found = events.filter((event) => matches({ ...event }, query));
  const order = isRecord(filter.$orderby) ? Object.entries(filter.$orderby) : [];
  found.sort((one, other) => {
    for (const [field, direction] of order) {
      const [left, right] = [textOf(one, field), textOf(other, field)];
      if (left !== right) return left < right === (direction === 1) ? -1 : 1;
    }
    return 0;
  });
  const offset = Number(filter.$offset ?? 0);
  return results(found.slice(offset, offset + Number(filter.$limit ?? 100)), 200, found.length);
}

function textOf(event: LogbookEvent, field: string): string {
  const value = Object.entries(event).find(([name]) => name === field)?.[1] as unknown;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function matches(event: Record<string, unknown>, query: unknown): boolean {
  if (!isRecord(query)) return true;
  return Object.entries(query).every(([operator, operand]) => {
    if (operator === '$and' && Array.isArray(operand)) return operand.every((each) => matches(event, each));
    if (operator === '$or' && Array.isArray(operand)) return operand.some((each) => matches(event, each));
    if (!isRecord(operand)) return false;
    return Object.entries(operand).every(([field, wanted]) => {
      const value = String(event[field]);
      switch (operator) {
        case '$eq':
          return value === String(wanted);
        case '$in':
          return Array.isArray(wanted) && wanted.map(String).includes(value);
        case '$gte':
          return value >= String(wanted);
        case '$gt':
          return value > String(wanted);
        case '$lte':
          return value <= String(wanted);
        case '$lt':
          return value < String(wanted);
        default:
          return false;
      }
    });
  });
}

function listens({ address, port }: { address: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1000 });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
