import type { Say } from '../installer.contract.ts';

/** Somebody's wheel is the quick way; where pip has none for this platform, or reaches no index, there is the long one, after saying so. */
export async function quickOrLong(quick: Promise<void>, long: () => Promise<void>, say: Say, how: string): Promise<void> {
  try {
    await quick;
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    say(`${how}, as there is no wheel: ${why}`);
    await long();
  }
}
