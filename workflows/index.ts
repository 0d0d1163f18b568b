/** Every workflow type that can run: a line per system, whose index has a line per type; the export is the name on the wire. */
import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../activities/failure.ts';
import * as pix from './pix/index.ts';
import * as vitam from './vitam/index.ts';

export * from './pix/index.ts';
export * from './vitam/index.ts';

/** Answers a start of an unknown type: without it such a run would retry its first task for ever. */
export default async function unknownRunbook(): Promise<never> {
  const known = Object.keys({ ...vitam, ...pix });
  throw failure('UnknownRunbook', `there is no workflow type "${workflowInfo().workflowType}"; known: ${known.join(', ')}`);
}
