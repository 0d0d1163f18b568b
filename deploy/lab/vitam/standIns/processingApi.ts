import { randomUUID } from 'node:crypto';

import { fault, results, tenantOf, texts } from './envelope.ts';
import type { NewOperation, StandInAnswer, StandInApi, StandInConfiguration, StandInRequest } from './standIn.contract.ts';
import { stateFile } from './stateFile.ts';

interface Operation {
  operationId: string;
  tenant: number;
  processType: string;
  state: 'RUNNING' | 'PAUSE' | 'COMPLETED';
  status: string;
  /** Milliseconds since the epoch; null: stays as it is for good. */
  endsAt: number | null;
  processDate: string;
}

const collection = '/processing/v1/operations';
const resumedSeconds = 5;

/**
 * Stand-in for VITAM processing's list of workflows (vitam 18). They are kept on disk, as processing persists its own;
 * a running one completes when its time is over. `POST /lab/operations` (lab only) adds one.
 */
export function processingApi({ stateDirectory, operations }: StandInConfiguration): StandInApi {
  const file = stateFile<Operation[]>(`${stateDirectory}/workflows.json`, operations.map(begin));
  // The first workflows count from the first start.
  file.write(file.read());

  function current(): Operation[] {
    const now = Date.now();
    return file
      .read()
      .map((each) =>
        each.endsAt !== null && each.endsAt <= now
          ? { ...each, state: 'COMPLETED' as const, status: each.status === 'FATAL' ? 'FATAL' : 'OK' }
          : each,
      );
  }

  function change(operation: Operation, part: Partial<Operation>): void {
    file.write(current().map((each) => (each.operationId === operation.operationId ? { ...each, ...part } : each)));
  }

  function one(request: StandInRequest, operation: Operation): StandInAnswer | null {
    switch (request.method) {
      case 'HEAD':
        return {
          status: operation.state === 'COMPLETED' ? 200 : 202,
          headers: { 'x-global-execution-state': operation.state, 'x-global-execution-status': operation.status },
        };
      case 'GET':
        return results([describe(operation)]);
      case 'PUT': {
        const action = request.headers['x-action'];
        if (operation.state === 'COMPLETED') return fault(409, `workflow ${operation.operationId} is completed`);
        if (action === 'PAUSE') change(operation, { state: 'PAUSE', endsAt: null });
        else if (action === 'RESUME' || action === 'NEXT' || action === 'REPLAY')
          change(operation, { state: 'RUNNING', status: 'OK', endsAt: Date.now() + resumedSeconds * 1000 });
        else return fault(400, 'X-Action must be RESUME, NEXT, REPLAY or PAUSE');
        return results([describe(current().find(({ operationId }) => operationId === operation.operationId) ?? operation)], 202);
      }
      case 'DELETE':
        change(operation, { state: 'COMPLETED', status: 'FATAL', endsAt: Date.now() });
        return results([], 202);
      default:
        return null;
    }
  }

  return (request) => {
    if (request.path === '/lab/operations' && request.method === 'POST') {
      const added = begin(request.body as NewOperation);
      file.write([...current(), added]);
      return results([describe(added)], 201);
    }
    if (!request.path.startsWith(collection)) return null;
    const tenant = tenantOf(request);
    if (tenant === null) return fault(412, 'missing the tenant id (X-Tenant-Id)');
    const mine = current().filter((each) => each.tenant === tenant);
    if (request.path === collection && request.method === 'GET') {
      const wanted = (field: string): string[] => [
        ...texts(request.body, field),
        ...request.query.getAll(field).flatMap((text) => text.split(',')),
      ];
      const [states, statuses, types] = [wanted('states'), wanted('statuses'), wanted('listProcessTypes')];
      return results(
        mine
          .filter(({ state, status, processType }) => passes(states, state) && passes(statuses, status) && passes(types, processType))
          .map(describe),
      );
    }
    const operation = mine.find(({ operationId }) => request.path === `${collection}/${operationId}`);
    return operation
      ? one(request, operation)
      : fault(404, `no workflow ${request.path.slice(collection.length + 1)} for tenant ${tenant}`);
  };
}

function passes(wanted: string[], value: string): boolean {
  return wanted.length === 0 || wanted.includes(value);
}

function begin({ tenant, seconds, state = 'RUNNING', status = 'OK' }: NewOperation): Operation {
  return {
    operationId: `aeeaaaaaac${randomUUID().replaceAll('-', '').slice(0, 26)}`,
    tenant,
    processType: 'INGEST',
    state,
    status,
    endsAt: seconds === undefined ? null : Date.now() + seconds * 1000,
    processDate: new Date().toISOString(),
  };
}

function describe({ operationId, processType, state, status, processDate }: Operation): Record<string, unknown> {
  const ended = state === 'COMPLETED';
  return {
    operationId,
    processType,
    globalState: state,
    stepStatus: status,
    previousStep: 'STP_UPLOAD_SIP',
    nextStep: ended ? '' : 'STP_UNIT_STORING',
    stepByStep: false,
    processDate,
  };
}
