import { condition, defineSignal, setHandler } from '@temporalio/workflow';

/**
 * Holds a platform's name while its parent run changes the platform (see holdPlatform.ts). Started by runs only.
 *
 * Runbook   none: our own rule, one destructive run per target (vitam 37, pix 4).
 * Downtime  none.
 * Needs     nothing.
 * On error  closes with its parent.
 * To stop   stop the run that holds it.
 */
export async function platformLock(_input: { platform: string }): Promise<void> {
  let released = false;
  setHandler(defineSignal('release'), () => {
    released = true;
  });
  await condition(() => released);
}
