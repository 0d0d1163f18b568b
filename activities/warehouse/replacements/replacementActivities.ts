import { cancellationSignal } from '@temporalio/activity';

import type { Connections } from '../../postgres/connections.ts';
import { readSchemaCopyOf } from '../schemaCopy/copyRecord.ts';
import type { LearningContentReport } from '../../lcms/learningContent.contract.ts';
import type { OpenDataReport } from '../../openData/openData.contract.ts';
import type { PostgresRef } from '../../postgres/postgres.contract.ts';
import { readSettledReplacement, type Replaced } from './record.ts';
import type { ReplacementOwner } from './owner.contract.ts';
import type { ReplacementActivities } from './replacements.contract.ts';

const application = 'nightshift read replacement';

export function createReplacementActivities({ connections }: { connections: Connections }): ReplacementActivities {
  const written = (target: PostgresRef, owner: ReplacementOwner, thing: Replaced): Promise<unknown> =>
    connections.session(target, { application, signal: cancellationSignal() }, (client) => readSettledReplacement(client, owner, thing));
  return {
    readLearningContent: async ({ owner, target }) => (await written(target, owner, 'learningContent')) as LearningContentReport | null,
    readOpenData: async ({ owner, target }) => (await written(target, owner, 'openData')) as OpenDataReport | null,
    readSchemaCopy: ({ owner, copy }) => readSchemaCopyOf(connections, copy, owner, cancellationSignal()),
  };
}
