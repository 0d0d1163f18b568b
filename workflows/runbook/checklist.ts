import type { RunProgress, StepRecord, StepState } from './runbook.contract.ts';

/** The server refuses details over 20,000 bytes; a character of ours has at most 3. */
const lengthMax = 6_000;
const runningMax = 12;
const openPhaseMax = 25;
const warningsMax = 8;

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

/**
 * The run for the Web UI's current details, what matters first: what needs a person, what is down, what runs now, what failed; then the phases, a line each, the
 * steps of the phase under way, and the last warnings. It fits however many steps there are.
 */
export function checklist(progress: RunProgress): string {
  return [headline(progress), ...wants(progress), ...downNow(progress), ...underWay(progress), ...phases(progress), ...warnings(progress)]
    .join('\n')
    .slice(0, lengthMax);
}

function headline({ procedure, target, state, phase, estimate }: RunProgress): string {
  const at = phase === '' ? state : `${state}, ${phase}`;
  const bytes = estimate
    ? `\n\n${megabytes(estimate.doneBytes)} of ${megabytes(estimate.totalBytes)}${estimate.endsAt ? `, about until ${estimate.endsAt.slice(11, 16)}Z` : ''}`
    : '';
  return `**${procedure} · ${target}** — ${at}${bytes}\n`;
}

function wants({ pauses, held, questions }: RunProgress): string[] {
  return [
    ...pauses.flatMap(({ origin, by, why, sinceAt, untilAt }) => [
      `> **Paused** by ${by} since ${sinceAt}${untilAt ? `, until ${untilAt} at the latest` : ''}: ${why}`,
      ...(origin === 'above' ? [] : ['> update: resume']),
      '',
    ]),
    ...held.flatMap(({ step, failure, skippable, deadlineAt }) => [
      `> **Held** \`${step}\` until ${deadlineAt}: ${failure.slice(0, 500)}`,
      `> updates: retryStep${skippable ? ', skipStep' : ''}, abort`,
      '',
    ]),
    ...questions.flatMap(({ id, text, choices, default: byDefault, deadlineAt }) => [
      `> **Question** \`${id}\`: ${text}`,
      `> answer ${choices.join(' | ')}; at ${deadlineAt} the default is taken: ${byDefault}`,
      '',
    ]),
  ];
}

function downNow({ down }: RunProgress): string[] {
  const since = down.map(({ sinceAt }) => sinceAt).sort()[0];
  return since === undefined ? [] : [`**Down because of this run: ${down.length}** (since ${since})`, ''];
}

/** Steps that run or have failed, wherever they stand. */
function underWay({ steps, state }: RunProgress): string[] {
  const open = ['done', 'failed', 'cancelled'].includes(state);
  const seen = steps.filter((step) => step.state === 'failed' || step.state === 'held' || (!open && step.state === 'running'));
  const more = seen.length - runningMax;
  return seen.length === 0 ? [] : [...seen.slice(0, runningMax).map(stepLine), ...(more > 0 ? [`- and ${more} more`] : []), ''];
}

function phases({ steps, phase }: RunProgress): string[] {
  return [...Map.groupBy(steps, (step) => step.phase)].flatMap(([name, own]) => {
    const settled = own.filter(({ state }) => ['done', 'notNeeded', 'skipped'].includes(state)).length;
    const line = `${settled === own.length ? '- [x]' : '- [ ]'} ${name}: ${settled} of ${own.length}${timeOf(own)}`;
    if (name !== phase) return [line];
    // Around what runs: what was done last and what comes next.
    const at = Math.max(0, own.findIndex(({ state }) => state === 'running' || state === 'waiting') - 5);
    return [line, ...own.slice(at, at + openPhaseMax).map((step) => `  ${stepLine(step)}`)];
  });
}

function warnings({ warnings: all }: RunProgress): string[] {
  return all.length === 0 ? [] : ['', '**Warnings**', ...all.slice(-warningsMax).map((warning) => `- ${warning.slice(0, 300)}`)];
}

/** From the first begin to the last end, when all have ended. */
function timeOf(steps: StepRecord[]): string {
  const begins = steps.flatMap(({ beganAt }) => (beganAt ? [Date.parse(beganAt)] : []));
  const ends = steps.flatMap(({ endedAt }) => (endedAt ? [Date.parse(endedAt)] : []));
  if (begins.length === 0 || ends.length < begins.length) return '';
  return `, ${Math.round((Math.max(...ends) - Math.min(...begins)) / 100) / 10} s`;
}

function stepLine(step: StepRecord): string {
  const parts = [`${marks[step.state]} ${step.title}`];
  if (step.seconds !== undefined) parts.push(`${step.seconds} s`);
  else if (step.state === 'running' && step.beganAt) parts.push(`since ${step.beganAt.slice(11, 19)}Z`);
  if (step.bytes && step.state === 'running')
    parts.push(`${percent(step.bytes)} of ${megabytes(step.bytes.total)}, ${megabytes(step.bytes.bytesPerSecond)}/s`);
  if (step.note && step.state !== 'waiting') parts.push(step.note.slice(0, 200));
  return parts.join(' — ');
}

function percent({ done, total }: { done: number; total: number }): string {
  return total > 0 ? `${Math.min(100, Math.floor((done / total) * 100))} %` : 'begun';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
}
