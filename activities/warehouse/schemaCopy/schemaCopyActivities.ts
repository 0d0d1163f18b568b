import { cancellationSignal } from '@temporalio/activity';

import type { ClientTools } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import { compareSchemasOf } from './compareSchemas.ts';
import { readSchemaCopyOf } from './copyRecord.ts';
import { copySchemaOf } from './copySchema.ts';
import { inspectSchemaCopyOf } from './inspect.ts';
import type { SchemaCopyActivities } from './schemaCopy.contract.ts';

/** The warehouse's schema in another database: by PostgreSQL's own tools. */
export function createSchemaCopyActivities({ connections, tools }: { connections: Connections; tools: ClientTools }): SchemaCopyActivities {
  return {
    async inspectSchemaCopy({ copy, others }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        async () => inspectSchemaCopyOf(connections, await tools.version(), copy, others, signal),
      );
    },
    async copySchema({ owner, copy }) {
      let at = '';
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ at }),
        () => copySchemaOf(connections, tools, copy, owner, { signal, onPart: (part) => (at = part) }),
      );
    },
    async compareSchemas({ copy }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => compareSchemasOf(connections, copy, signal),
      );
    },
    async readSchemaCopy({ owner, copy }) {
      return readSchemaCopyOf(connections, copy, owner, cancellationSignal());
    },
  };
}
