import type { Connections } from '../../postgres/connections.ts';
import { qualified } from '../../postgres/identifiers.ts';
import { withEnds } from './copyTable.ts';
import type { IncrementalCopy } from './incremental.contract.ts';
import { readState, writeState } from './state.ts';
import { factsOf, shapeOf } from './tableFacts.ts';
import { highestKey } from './tableWork.ts';

/** Tables that were loaded in another way: their columns count from now on, and their first run compares every range of keys. */
export async function recordTablesOf(connections: Connections, copy: IncrementalCopy, signal: AbortSignal): Promise<string[]> {
  return withEnds(connections, copy, { what: 'record', signal }, async ({ source, target }) => {
    const recorded: string[] = [];
    for (const { name, key } of copy.tables) {
      const address = { replica: copy.replica, place: copy.schema, table: name };
      const [theirs, ours] = [await factsOf(source, copy.schema, name), await factsOf(target, copy.schema, name)];
      if (!theirs || !ours || (await readState(target, address))) continue;
      const copiedTo = await highestKey(target, qualified(copy.schema, name), key);
      const nothing = { horizon: null, origin: null, comparedBy: 'transactions' as const };
      await writeState(target, address, { ...nothing, copiedTo, keyBefore: copiedTo, run: copy.run, columns: shapeOf(theirs) });
      recorded.push(name);
    }
    return recorded;
  });
}
