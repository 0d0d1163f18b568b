import { cancellationSignal } from '@temporalio/activity';

import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import type { Connections } from '../../postgres/connections.ts';
import type { CheckActivities } from './checks.contract.ts';
import { countRowsOf } from './countRows.ts';
import { inspectReplicaOf } from './inspectReplica.ts';
import { checkFreshnessOf, runQueriesOf } from './runQueries.ts';

/** Looks at a replica from outside, after the night: reads only, on both sides. */
export function createCheckActivities({ connections }: { connections: Connections }): CheckActivities {
  const looking = <Result>(look: (signal: AbortSignal, at: (what: string) => void) => Promise<Result>): Promise<Result> => {
    let at = '';
    const signal = cancellationSignal();
    return withHeartbeat(
      () => ({ at }),
      () => look(signal, (what) => (at = what)),
    );
  };
  return {
    inspectReplica: ({ sides }) => looking((signal) => inspectReplicaOf(connections, sides, signal)),
    countRows: ({ sides, tables }) => looking((signal, at) => countRowsOf(connections, sides, tables, signal, at)),
    checkFreshness: ({ sides, freshness }) => looking((signal) => checkFreshnessOf(connections, sides, freshness, signal)),
    runQueries: ({ sides, queries }) => looking((signal, at) => runQueriesOf(connections, sides, queries, signal, at)),
  };
}
