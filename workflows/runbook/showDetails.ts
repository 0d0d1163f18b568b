import { setCurrentDetails, type WorkflowInterceptors } from '@temporalio/workflow';

import { checklist } from './checklist.ts';
import type { RunProgress } from './runbook.contract.ts';

let shown: RunProgress | null = null;

/** From here on the run's checklist is its current details: made once for each activation, however many marks that set. */
export function showDetails(progress: RunProgress): void {
  shown = progress;
}

/** Part of the workflow bundle: the worker's bundler names this file. */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      concludeActivation(input, next) {
        if (shown) setCurrentDetails(checklist(shown));
        return next(input);
      },
    },
  ],
});
