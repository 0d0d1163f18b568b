import type { RunProgress, StepRecord, StepState } from './runbook.contract.ts';

/** The server refuses details over 20,000 bytes; finished phases are folded long before. */
const detailsBytesMax = 16_000;

const marks: Record<StepState, string> = {
  waiting: '- [ ]',
  running: '- [ ] **now**',
  done: '- [x]',
  failed: '- [ ] **failed**',
  held: '- [ ] **held**',
  skipped: '- [x] skipped:',
  notNeeded: '- [x] not needed:',
  stopped: '- [ ] stopped:',
};

/** The run as a markdown checklist for the Web UI's current details. */
export function checklist(progress: RunProgress): string {
  const whole = render(progress, false);
  return whole.length <= detailsBytesMax ? whole : render(progress, true).slice(0, detailsBytesMax);
}

function render(progress: RunProgress, folded: boolean): string {
  const lines: string[] = [`**${progress.procedure} · ${progress.target}** — ${progress.state}, ${progress.phase}`, ''];
  for (const { origin, by, why, sinceAt, untilAt } of progress.pauses)
    lines.push(
      `> **Paused** by ${by} since ${sinceAt}${untilAt ? `, until ${untilAt} at the latest` : ''}: ${why}`,
      ...(origin === 'above' ? [] : ['> update: resume']),
      '',
    );
  for (const { step, failure, skippable, deadlineAt } of progress.held)
    lines.push(`> **Held** \`${step}\` until ${deadlineAt}: ${failure}`, `> updates: retryStep${skippable ? ', skipStep' : ''}, abort`, '');
  for (const { id, text, choices, default: byDefault, deadlineAt } of progress.questions)
    lines.push(
      `> **Question** \`${id}\`: ${text}`,
      `> answer ${choices.join(' | ')}; at ${deadlineAt} the default is taken: ${byDefault}`,
      '',
    );
  if (progress.estimate)
    lines.push(
      `${(progress.estimate.doneBytes / 1e6).toFixed(0)} of ${(progress.estimate.totalBytes / 1e6).toFixed(0)} MB${progress.estimate.endsAt ? `, about until ${progress.estimate.endsAt.slice(11, 16)}Z` : ''}`,
      '',
    );
  if (progress.down.length > 0) {
    const since = progress.down.map(({ sinceAt }) => sinceAt).sort()[0];
    lines.push(`**Down because of this run: ${progress.down.length}** (since ${since})`, '');
  }
  for (const [phase, steps] of byPhase(progress.steps)) {
    const settled = steps.every(({ state }) => state === 'done' || state === 'notNeeded');
    const untouched = steps.every(({ state }) => state === 'waiting');
    if (folded && (settled || untouched)) {
      lines.push(`${settled ? '- [x]' : '- [ ]'} ${phase}: ${steps.length} steps`);
      continue;
    }
    lines.push('', `**${phase}**`, ...steps.map(stepLine));
  }
  if (progress.warnings.length > 0) lines.push('', '**Warnings**', ...progress.warnings.slice(-10).map((warning) => `- ${warning}`));
  return lines.join('\n');
}

function byPhase(steps: StepRecord[]): Map<string, StepRecord[]> {
  const phases = new Map<string, StepRecord[]>();
  for (const step of steps) phases.set(step.phase, [...(phases.get(step.phase) ?? []), step]);
  return phases;
}

function stepLine(step: StepRecord): string {
  const parts = [`${marks[step.state]} ${step.title}`];
  if (step.seconds !== undefined) parts.push(`${step.seconds} s`);
  else if (step.state === 'running' && step.beganAt) parts.push(`since ${step.beganAt.slice(11, 19)}Z`);
  if (step.bytes && step.state === 'running')
    parts.push(`${percent(step.bytes)} of ${megabytes(step.bytes.total)}, ${megabytes(step.bytes.bytesPerSecond)}/s`);
  if (step.note && step.state !== 'waiting') parts.push(step.note.slice(0, 300));
  return parts.join(' — ');
}

function percent({ done, total }: { done: number; total: number }): string {
  return total > 0 ? `${Math.min(100, Math.floor((done / total) * 100))} %` : 'begun';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
}
