import type { BesideCopy, SwapReport } from '../../activities/postgres/beside/beside.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { probe } from '../runbook/profiles.ts';
import { unlessDone } from './lostAnswer.ts';

/** The swap or undo whose answer was lost, when it was done; else throws `error`. */
export async function unlessSwapped(copy: BesideCopy, act: 'swap' | 'undo', runbook: Runbook, error: unknown): Promise<SwapReport> {
  return unlessDone(error, runbook, {
    read: () => probe(`was the ${act} done?`).readSwap({ copy, act }),
    doubt: `it is not known which copy is in use on the ${copy.target.name}: the ${act} gave no answer`,
  });
}
