import type { PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import { defineSystem, type ResolveSecret } from '../runbook/system.schema.ts';
import { dumpToObjectStore } from './dumpToObjectStore.ts';
import { fullReplication } from './fullReplication.ts';
import { incrementalReplication } from './incrementalReplication.ts';
import { incrementalTables } from './incrementalReplicationSteps.ts';
import { pixOptions, type PixRequest, type ReplicaRequest } from './inputs.schema.ts';
import { learningContent } from './learningContent.ts';
import { notification } from './notification.ts';
import { openData } from './openData.ts';
import { prepareIncremental } from './prepareIncremental.ts';
import type { PixReplica } from './replica.contract.ts';
import { replicaDocument, resolveReplica } from './replica.schema.ts';
import { replication } from './replication.ts';
import { schemaCopy } from './schemaCopy.ts';
import { undoReplication } from './undoReplication.ts';
import { verify } from './verify.ts';

/** Replicas of Pix: warehouses that are made anew from a production database. */
export const pix = defineSystem({
  name: 'pix',
  word: 'replica',
  document: replicaDocument,
  async resolve(name, document) {
    const { replica, faults } = resolveReplica(name, document);
    return { definition: replica, faults };
  },
  things: ({ target, schemaCopy: copy }, resolveSecret) =>
    Promise.all([target, ...(copy ? [copy.target] : [])].map((server) => thingOf(server, resolveSecret))),
  procedures: {
    pixReplication: { options: pixOptions.pixReplication, planned: replication },
    pixFullReplication: {
      options: pixOptions.pixFullReplication,
      planned: fullReplication,
      check: ({ dumpOf, replica }: PixRequest<'pixFullReplication'>) =>
        dumpOf !== null && replica.full.method !== 'inPlace'
          ? 'dumpOf is for full.method inPlace alone: a copy beside makes no dump'
          : null,
    },
    pixUndoReplication: { options: pixOptions.pixUndoReplication, planned: undoReplication },
    pixIncrementalReplication: { options: pixOptions.pixIncrementalReplication, planned: incrementalReplication },
    pixPrepareIncremental: { options: pixOptions.pixPrepareIncremental, planned: prepareIncremental, check: areIncremental },
    pixLearningContent: {
      options: pixOptions.pixLearningContent,
      planned: learningContent,
      check: needs('learningContent', 'say where the LCMS is'),
    },
    pixNotification: { options: pixOptions.pixNotification, planned: notification },
    pixSchemaCopy: {
      options: pixOptions.pixSchemaCopy,
      planned: schemaCopy,
      check: needs('schemaCopy', 'say which database gets the copy'),
    },
    pixOpenData: { options: pixOptions.pixOpenData, planned: openData, check: needs('openData', 'say where the list is') },
    pixDumpToObjectStore: {
      options: pixOptions.pixDumpToObjectStore,
      planned: dumpToObjectStore,
      check: needs('objectStore', 'say where the dump goes'),
    },
    pixVerify: { options: pixOptions.pixVerify, planned: verify },
  },
});

function needs(field: keyof PixReplica, remedy: string): (request: ReplicaRequest) => string | null {
  return ({ replica }) => (replica[field] === undefined ? `replica ${replica.name} has no field ${field}: ${remedy}` : null);
}

function areIncremental({ replica, tables }: PixRequest<'pixPrepareIncremental'>): string | null {
  const incremental = incrementalTables(replica);
  const others = (tables ?? []).filter((table) => !incremental.includes(table));
  if (others.length === 0) return null;
  return `not incremental in replica ${replica.name}: ${others.join(', ')}; these are: ${incremental.join(', ') || 'none'}`;
}

/** A database is the same one whatever a replica file and its user are called. Where the URL cannot be read the name of its secret stands for it. */
async function thingOf({ url: secret }: PostgresRef, resolveSecret: ResolveSecret): Promise<string> {
  const url = URL.parse(await resolveSecret(secret).catch(() => ''));
  if (!url) return `postgres/secret:${secret}`;
  // A socket's folder stands where a host would.
  const host = url.hostname || (url.searchParams.get('host') ?? 'localhost');
  return `postgres/${host.toLowerCase()}:${url.port || '5432'}${decodeURIComponent(url.pathname)}`;
}
