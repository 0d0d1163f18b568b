import { activityInfo, cancellationSignal } from '@temporalio/activity';

import type { ResolveSecret } from '../../hosts/host.ts';
import type { ObjectStore } from '../../objectStore/objectStore.contract.ts';
import { withStore } from '../../objectStore/storeClient.ts';
import { partBytesOf, removeParts, uploadStream } from '../../objectStore/uploadStream.ts';
import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import { withoutSchemas, type ClientTools } from '../clientTools.ts';
import type { Connections } from '../connections.ts';
import type { DumpActivities } from './dumps.contract.ts';
import { inspectDumpOf } from './inspect.ts';
import { checkStoredDumpOf, discardDumpOf, keyTaken, readDumpProgressOf, type InStore } from './storedDump.ts';
import { streamDump, type StreamedDump } from './streamDump.ts';

export interface DumpDependencies {
  connections: Connections;
  tools: ClientTools;
  resolveSecret: ResolveSecret;
  /** Schemas that are no part of a database's content. */
  leftOut: readonly string[];
}

const nothing = (): object => ({});

/** Dumps that go into a store, by PostgreSQL's own tools. */
export function createDumpActivities({ connections, tools, resolveSecret, leftOut }: DumpDependencies): DumpActivities {
  const inStore = <Result>(
    { store, key }: { store: ObjectStore; key: string },
    progress: () => object,
    act: (place: InStore) => Promise<Result>,
  ): Promise<Result> => {
    const signal = cancellationSignal();
    const object = { Bucket: store.bucket, Key: store.prefix === '' ? key : `${store.prefix}/${key}` };
    return withHeartbeat(progress, () => withStore(store, resolveSecret, signal, (client) => act({ client, object, signal })));
  };
  return {
    async inspectDump({ server, store, key }) {
      return inStore({ store, key }, nothing, async (place) => {
        const seen = await inspectDumpOf(connections, await tools.version(), server, leftOut, place.signal);
        const taken = await keyTaken(place);
        return taken === null ? seen : { ...seen, faults: [...seen.faults, taken] };
      });
    },
    async dumpToObjectStore({ server, store, key, run, databaseBytes }) {
      const progress = { dumpedBytes: 0, sentBytes: 0 };
      return inStore(
        { store, key },
        () => ({ ...progress }),
        async ({ client, object, signal: cancelled }) => {
          const url = await connections.urlOf(server);
          // The first attempt has none of its own to clear.
          if (activityInfo().attempt > 1) await removeParts(client, object);
          let dumped: StreamedDump | undefined;
          await uploadStream({
            client,
            object,
            cancelled,
            // The store then computes one checksum of the whole and not one of its parts' checksums.
            params: { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT', Metadata: { run } },
            // Rows that cannot be compressed are longer as text than in the table.
            partBytes: partBytesOf(databaseBytes * 1.25),
            async fill(body, signal) {
              dumped = await streamDump({
                tools,
                url,
                body,
                signal,
                application: 'nightshift dump',
                args: withoutSchemas(leftOut),
                onBytes: (bytes) => (progress.dumpedBytes = bytes),
              });
            },
            onProgress: (bytes) => (progress.sentBytes = Math.max(progress.sentBytes, bytes)),
          });
          if (!dumped) throw new Error('the upload ended before the dump');
          return { key: object.Key, ...dumped };
        },
      );
    },
    async checkStoredDump({ store, dump }) {
      let readBytes = 0;
      return inStore(
        { store: { ...store, prefix: '' }, key: dump.key },
        () => ({ readBytes, totalBytes: dump.sizeBytes }),
        (place) => checkStoredDumpOf(place, dump, (bytes) => (readBytes = bytes)),
      );
    },
    async discardDump({ store, key, run }) {
      await inStore({ store, key }, nothing, (place) => discardDumpOf(place, run));
    },
    async readDumpProgress({ store, key }) {
      return inStore({ store, key }, nothing, readDumpProgressOf);
    },
  };
}
