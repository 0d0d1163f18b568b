import { cancellationSignal } from '@temporalio/activity';

import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { findRoom } from '../findRoom.ts';
import type { BesideActivities } from './beside.contract.ts';
import { copyTablesOf, type CopyProgress } from './copyTables.ts';
import { defineBesideOf } from './define.ts';
import { discardBesideOf } from './discard.ts';
import { inspectBesideOf } from './inspect.ts';
import { readProgressOf } from './progress.ts';
import { readSwapOf } from './readSwap.ts';
import { runStatementsOf } from './runStatements.ts';
import { setSequencesOf } from './sequences.ts';
import { holdSnapshotOf, releaseSnapshotOf } from './snapshot.ts';
import { swapBesideOf, undoSwapOf } from './swap.ts';
import { verifyBesideOf } from './verify.ts';

/** A copy beside the live one and its swap: see deploy/decisions for the method and what it costs. */
export function createBesideActivities({ connections, tools }: { connections: Connections; tools: ClientTools }): BesideActivities {
  return {
    async inspectBeside({ copy, limits }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        async () => {
          const seen = await inspectBesideOf(connections, await tools.version(), copy, signal);
          if (!limits || seen.faults.length > 0) return seen;
          const room = await findRoom(connections, copy, limits, { inPlace: false, signal });
          return { ...seen, faults: room.faults, warnings: [...seen.warnings, ...room.warnings] };
        },
      );
    },
    async holdSnapshot({ copy, limitSeconds, idleSeconds }) {
      return withHeartbeat(
        () => ({}),
        () => holdSnapshotOf(connections, copy, { limitSeconds, idleSeconds }),
      );
    },
    async releaseSnapshot({ copy }) {
      await releaseSnapshotOf(connections, copy);
    },
    async defineBeside({ copy, snapshot, sharedTypes, limitSeconds = 600 }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => defineBesideOf(connections, tools, copy, { snapshot, sharedTypes, limitSeconds, signal }),
      );
    },
    async copyTables({ copy, snapshot, item }) {
      const progress: CopyProgress = { table: '', tablesDone: 0, rows: 0, bytes: 0 };
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ ...progress }),
        () => copyTablesOf(connections, copy, { snapshot, item, signal, progress }),
      );
    },
    async runStatements({ copy, item, memoryMegabytes, workers }) {
      const progress = { done: 0, of: item.statements.length, statement: '' };
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ ...progress }),
        () => runStatementsOf(connections, copy, { item, memoryMegabytes, workers, signal, progress }),
      );
    },
    async readBesideProgress({ copy }) {
      return readProgressOf(connections, copy);
    },
    async setSequences({ copy, snapshot }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => setSequencesOf(connections, copy, snapshot, signal),
      );
    },
    async verifyBeside({ copy, plan }) {
      let table = '';
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ table }),
        () => verifyBesideOf(connections, copy, plan, signal, (each) => (table = each)),
      );
    },
    async swapBeside({ copy, limitSeconds }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => swapBesideOf(connections, copy, limitSeconds, signal),
      );
    },
    async readSwap({ copy, act }) {
      return readSwapOf(connections, copy, act, cancellationSignal());
    },
    async undoSwap({ copy, limitSeconds }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => undoSwapOf(connections, copy, limitSeconds, signal),
      );
    },
    async discardBeside({ copy }) {
      const signal = cancellationSignal();
      await withHeartbeat(
        () => ({}),
        () => discardBesideOf(connections, copy, signal),
      );
    },
  };
}
