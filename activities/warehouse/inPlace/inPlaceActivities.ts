import { cancellationSignal } from '@temporalio/activity';

import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import { dumpSourceOf, needDump, openDump, proveDumpOf, type InPlaceContext } from './dump.ts';
import { discardInPlaceOf } from './discard.ts';
import { emptyTargetOf } from './empty.ts';
import { finishInPlaceOf } from './finish.ts';
import type { InPlaceActivities } from './inPlace.contract.ts';
import { inspectInPlaceOf } from './inspect.ts';
import { readProgressOf } from './progress.ts';
import { checksumOf } from './readArchive.ts';
import { defineInPlaceOf, restoreInPlaceOf } from './restore.ts';
import { verifyInPlaceOf } from './verify.ts';

const nothing = (): object => ({});

/** The seed's full replication: dump, empty, restore. See deploy/decisions for what it drops and why. */
export function createInPlaceActivities(context: InPlaceContext): InPlaceActivities {
  const { connections, workDirectory } = context;
  return {
    async inspectInPlace({ copy, limits }) {
      const signal = cancellationSignal();
      return withHeartbeat(nothing, () => inspectInPlaceOf(context, copy, { limits, signal }));
    },
    async dumpSource({ copy, idleSeconds }) {
      let bytes = 0;
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ bytes }),
        () => dumpSourceOf(context, copy, { idleSeconds, signal, onBytes: (seen) => (bytes = seen) }),
      );
    },
    async proveDump({ copy }) {
      let rows = 0;
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ rows }),
        () => proveDumpOf(context, copy, { signal, onRows: (seen) => (rows = seen) }),
      );
    },
    async findDump({ copy }) {
      const signal = cancellationSignal();
      return withHeartbeat(nothing, async () => {
        const dump = await openDump(context, copy);
        if (!dump) return null;
        const { path, sizeBytes, sha256, begunAt, tables, rows } = dump.marker;
        return (await checksumOf(path, signal)) === sha256 ? { path, sizeBytes, sha256, begunAt, tables, rows } : null;
      });
    },
    async emptyTarget({ copy }) {
      const signal = cancellationSignal();
      return withHeartbeat(nothing, async () => {
        // Nothing is dropped that cannot be brought back at once.
        return emptyTargetOf(connections, copy, await needDump(context, copy), signal);
      });
    },
    async defineInPlace({ copy, idleSeconds }) {
      const signal = cancellationSignal();
      return withHeartbeat(nothing, () => defineInPlaceOf(context, copy, { idleSeconds, signal }));
    },
    async restoreInPlace({ copy, ...options }) {
      const signal = cancellationSignal();
      return withHeartbeat(nothing, () => restoreInPlaceOf(context, copy, { ...options, signal }));
    },
    async finishInPlace({ copy, memoryMegabytes }) {
      let part = '';
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ part }),
        () => finishInPlaceOf(connections, copy, { memoryMegabytes, signal, onPart: (each) => (part = each) }),
      );
    },
    async verifyInPlace({ copy }) {
      let table = '';
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ table }),
        () => verifyInPlaceOf(context, copy, signal, (each) => (table = each)),
      );
    },
    async readInPlaceProgress({ copy }) {
      return readProgressOf(workDirectory, copy);
    },
    async discardInPlace({ copy, outcome }) {
      return withHeartbeat(nothing, () => discardInPlaceOf(context, copy, outcome));
    },
  };
}
