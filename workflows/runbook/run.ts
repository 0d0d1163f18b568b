import { CancellationScope, condition, log, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';

import { failure, withoutRemedy } from '../../activities/failure.ts';
import { searchAttributes, type Attention } from '../names.contract.ts';
import { secondsSince } from './elapsed.ts';
import { describeFailure, isCancellation } from './failures.ts';
import { registerMessages, type HeldDecision } from './operatorMessages.ts';
import { createPauses, PutOff, type Pauses } from './pauses.ts';
import type {
  Decision,
  OpenQuestion,
  OperatorMessage,
  PausePolicy,
  PlannedStep,
  RunPolicy,
  RunProgress,
  RunReport,
  StepRecord,
  TakenDown,
} from './runbook.contract.ts';
import { wayBackOf, type BringBackStage, type WayBackItem } from './wayBack.ts';

export interface Question<Choice extends string> {
  id: string;
  text: string;
  choices: readonly Choice[];
  /** Taken when nobody answers before the deadline: a scheduled run must be able to decide alone. */
  default: Choice;
}

/** A run that says truthfully where it is: the marks on its steps, what it took down, its questions and its decisions. */
export interface Run {
  readonly progress: RunProgress;
  /** Null: the run cannot be paused. */
  readonly pauses: Pauses | null;
  /** Runs one planned step. When it fails: unwinds (throws) or holds for `retryStep`, `skipStep`, `abort`, by the policy. */
  step<Result>(planned: PlannedStep, work: (record: StepRecord) => Promise<Result>, whenSkipped?: () => Result): Promise<Result>;
  /** Adds steps that only the work itself makes known: beside the others of their phase, else before the given one, else at the end. Those that are in the plan already stay. */
  addSteps(steps: readonly PlannedStep[], before?: PlannedStep): void;
  /** The record of a planned step, for marks from outside. */
  record(id: string): StepRecord | undefined;
  /** Marks a step that turned out to have nothing to do. */
  notNeeded(planned: PlannedStep, note: string): void;
  /**
   * Called in a step, right **before** the act that takes something down: the step alone knows whether the thing was up, and an act that fails may have taken
   * it down after all. `back`: how it comes back at the end of `untilBack`; absent where the caller of `untilBack` gives the stages itself.
   */
  takeDown(item: Omit<TakenDown, 'sinceAt'>, back?: WayBackItem): void;
  broughtBack(id: string): void;
  /**
   * Runs work, then brings back what it took down, whatever became of it: done, failed, cancelled. The way back is shielded from cancellation.
   * May stand within another one, which then brings back the rest; never beside one in the same run.
   * @param stages the way back in an order of its own; absent: what was declared with `takeDown`, newest first.
   */
  untilBack<Result>(work: () => Promise<Result>, stages?: (failed: { error: unknown } | null) => BringBackStage[]): Promise<Result>;
  /** What the run is for stands, and everything is back; what follows only finishes it: `abort` is refused from here on. */
  completing(): void;
  /** Asks a person; takes the default at the deadline; records who decided. */
  ask<Choice extends string>(question: Question<Choice>): Promise<Choice>;
  warn(text: string): void;
  decide(decision: Omit<Decision, 'at'>): void;
}

/** What the frame itself does with a run, beside what its procedure does. */
export interface FramedRun extends Run {
  /** Set by the `abort` update and by whatever else ends the work for a reason. */
  onAbort(stop: (by: OperatorMessage) => void): void;
  /** Why the work was ended, when it was not by a cancel of the run. */
  stopReason: Error | null;
  setState(state: RunProgress['state']): void;
  setAttention(attention: Attention): void;
  report(ended: { at: Date; failure?: RunReport['failure'] } | null): RunReport;
  /** Waits between two tries of the way back; `retryStep` of an operator ends it early. */
  waitForRetry(seconds: number, summary: string): Promise<void>;
}

export interface RunOptions {
  procedure: string;
  system: string;
  target: string;
  steps: PlannedStep[];
  policy: RunPolicy;
  /** Absent: the run cannot be paused. */
  pauses?: PausePolicy;
}

/** Registers the messages of a run. Called once, before the first await that follows the plan. */
export function beginRun(options: RunOptions): FramedRun {
  const { policy } = options;
  const progress: RunProgress = {
    procedure: options.procedure,
    target: options.target,
    phase: '',
    state: 'working',
    attention: 'none',
    startedAt: workflowInfo().startTime.toISOString(),
    steps: options.steps.map(recordOf),
    down: [],
    questions: [],
    pauses: [],
    held: [],
    decisions: [],
    warnings: [],
    downtimeSeconds: 0,
  };
  const records = new Map(progress.steps.map((record) => [record.id, record]));
  const heldDecisions = new Map<string, HeldDecision>();
  const answers = new Map<string, { choice: string; message: OperatorMessage }>();
  const abortListeners: ((by: OperatorMessage) => void)[] = [];
  const backs = new Map<string, WayBackItem>();
  let retryWanted = false;
  let downSinceMs: number | null = null;

  const pauses = options.pauses ? createPauses(progress, options.pauses) : null;
  const nowAt = (): string => new Date().toISOString();
  const decide = (decision: Omit<Decision, 'at'>): void => {
    progress.decisions.push({ at: nowAt(), ...decision });
  };
  const setAttention = (attention: Attention): void => {
    if (progress.attention === attention) return;
    progress.attention = attention;
    upsertSearchAttributes([{ key: defineSearchAttributeKey(searchAttributes.attention, 'KEYWORD'), value: attention }]);
  };
  const enterPhase = (phase: string): void => {
    if (progress.phase === phase) return;
    progress.phase = phase;
    upsertSearchAttributes([{ key: defineSearchAttributeKey(searchAttributes.phase, 'KEYWORD'), value: phase.slice(0, 200) }]);
  };
  const settleAttention = (): void => {
    if (progress.state === 'bringingBack' && progress.attention === 'restore') return;
    setAttention(progress.held.length > 0 ? 'hold' : progress.questions.length > 0 ? 'question' : 'none');
  };

  upsertSearchAttributes([
    { key: defineSearchAttributeKey(searchAttributes.system, 'KEYWORD'), value: options.system },
    { key: defineSearchAttributeKey(searchAttributes.target, 'KEYWORD'), value: options.target },
    { key: defineSearchAttributeKey(searchAttributes.attention, 'KEYWORD'), value: 'none' },
  ]);

  async function hold(planned: PlannedStep, record: StepRecord, skippable: boolean): Promise<HeldDecision | null> {
    record.state = 'held';
    heldDecisions.delete(planned.id);
    const deadlineAt = new Date(Date.now() + policy.holdSeconds * 1000).toISOString();
    progress.held.push({ step: planned.id, failure: record.note ?? '', skippable, deadlineAt });
    settleAttention();
    try {
      await condition(() => heldDecisions.has(planned.id), policy.holdSeconds * 1000, { summary: `held: ${planned.title}`.slice(0, 180) });
    } catch (error) {
      end(record, 'failed');
      throw error;
    } finally {
      progress.held = progress.held.filter(({ step }) => step !== planned.id);
      settleAttention();
    }
    const decision = heldDecisions.get(planned.id) ?? null;
    decide({
      subject: planned.title,
      choice: decision?.choice ?? 'unwind',
      by: decision?.message.by ?? `nobody answered within ${policy.holdSeconds} s`,
      ...(decision?.message.why ? { why: decision.message.why } : {}),
    });
    return decision;
  }

  const run: FramedRun = {
    progress,
    pauses,
    stopReason: null,
    setAttention,
    decide,
    completing: () => run.setState('completing'),
    async step(planned, work, whenSkipped) {
      const record = records.get(planned.id);
      if (!record) throw failure('InvalidInput', `step ${planned.id} is not in the plan`);
      const skippable = planned.skippable && whenSkipped !== undefined;
      await pauses?.untilFree(planned, record);
      enterPhase(planned.phase);
      for (;;) {
        record.state = 'running';
        record.attempts += 1;
        delete record.note;
        record.beganAt ??= nowAt();
        try {
          const result = await (pauses ? pauses.during(planned, () => work(record)) : work(record));
          end(record, 'done');
          return result;
        } catch (error) {
          if (error instanceof PutOff) {
            await pauses?.untilFree(planned, record);
            continue;
          }
          if (isCancellation(error)) {
            end(record, 'stopped');
            throw error;
          }
          const { type, message } = describeFailure(error);
          record.note = `${type}: ${message}`;
          log.warn('step failed', { step: planned.id, type });
          const mayHold =
            policy.onStepFailure === 'hold' &&
            ['working', 'paused', 'completing'].includes(progress.state) &&
            !CancellationScope.current().consideredCancelled;
          const decision = mayHold ? await hold(planned, record, skippable) : null;
          if (decision?.choice === 'retryStep') continue;
          if (decision?.choice === 'skipStep' && skippable) {
            end(record, 'skipped');
            record.note = `skipped by ${decision.message.by}: ${decision.message.why ?? ''} (${record.note})`;
            progress.warnings.push(`${planned.title}: ${record.note}`);
            return whenSkipped();
          }
          end(record, 'failed');
          if (decision?.choice === 'abort')
            throw failure(
              'StepAborted',
              `${planned.title}: aborted by ${decision.message.by}${decision.message.why ? `: ${decision.message.why}` : ''}; the step had failed: ${withoutRemedy(message)}`,
            );
          throw error;
        }
      }
    },
    addSteps(steps, before) {
      for (const planned of steps) {
        if (records.has(planned.id)) continue;
        const record = recordOf(planned);
        records.set(record.id, record);
        const last = progress.steps.findLastIndex((each) => each.phase === record.phase);
        const next = progress.steps.findIndex(({ id }) => id === before?.id);
        progress.steps.splice(last >= 0 ? last + 1 : next >= 0 ? next : progress.steps.length, 0, record);
      }
    },
    record: (id) => records.get(id),
    notNeeded(planned, note) {
      const record = records.get(planned.id);
      if (!record) return;
      record.state = 'notNeeded';
      record.note = note;
    },
    takeDown(item, back) {
      if (progress.down.some(({ id }) => id === item.id)) return;
      downSinceMs ??= Date.now();
      progress.down.push({ ...item, sinceAt: nowAt() });
      if (back) backs.set(item.id, back);
    },
    broughtBack(id) {
      progress.down = progress.down.filter((item) => item.id !== id);
      backs.delete(id);
    },
    untilBack(work, stages) {
      const downBefore = new Set(progress.down.map(({ id }) => id));
      return wayBackOf(
        run,
        policy,
        work,
        (failed) => stages?.(failed) ?? declaredStages(downBefore, failed),
        () => {
          if (progress.down.length > 0 || downSinceMs === null) return;
          progress.downtimeSeconds += (Date.now() - downSinceMs) / 1000;
          downSinceMs = null;
        },
      );
    },
    async ask(question) {
      const open: OpenQuestion = {
        id: question.id,
        text: question.text,
        choices: [...question.choices],
        default: question.default,
        askedAt: nowAt(),
        deadlineAt: new Date(Date.now() + policy.questionSeconds * 1000).toISOString(),
      };
      answers.delete(question.id);
      progress.questions.push(open);
      settleAttention();
      try {
        await condition(() => answers.has(question.id), policy.questionSeconds * 1000, {
          summary: `question: ${question.text}`.slice(0, 180),
        });
      } finally {
        progress.questions = progress.questions.filter(({ id }) => id !== question.id);
        settleAttention();
      }
      const answer = answers.get(question.id);
      const choice = question.choices.find((each) => each === answer?.choice) ?? question.default;
      decide({
        subject: question.text,
        choice,
        by: answer?.message.by ?? `nobody answered within ${policy.questionSeconds} s: the default`,
        ...(answer?.message.why ? { why: answer.message.why } : {}),
      });
      return choice;
    },
    warn(text) {
      if (!progress.warnings.includes(text)) progress.warnings.push(text);
      log.warn(text);
    },
    setState(state) {
      progress.state = state === 'working' && pauses?.stands() ? 'paused' : state;
    },
    onAbort(stop) {
      abortListeners.push(stop);
    },
    async waitForRetry(seconds, summary) {
      retryWanted = false;
      await condition(() => retryWanted, seconds * 1000, { summary: summary.slice(0, 180) });
    },
    report(ended) {
      const beganMs = Date.parse(progress.startedAt);
      const endMs = ended?.at.getTime() ?? Date.now();
      return {
        procedure: options.procedure,
        system: options.system,
        target: options.target,
        state: progress.state,
        beganAt: progress.startedAt,
        endedAt: ended?.at.toISOString() ?? null,
        seconds: secondsSince(beganMs, endMs),
        downtimeSeconds: progress.downtimeSeconds + (downSinceMs === null ? 0 : endMs - downSinceMs) / 1000,
        stillDown: progress.down,
        failure: ended?.failure ?? null,
        steps: progress.steps,
        decisions: progress.decisions,
        warnings: progress.warnings,
      };
    },
  };

  /** Newest first, one after the other: what was taken down last is needed by nothing that is still down. */
  function declaredStages(downBefore: ReadonlySet<string>, failed: { error: unknown } | null): BringBackStage[] {
    return [...progress.down].reverse().flatMap(({ id, back }) => {
      const item = backs.get(id);
      if (!item || downBefore.has(id) || back === 'never' || (back === 'afterSuccess' && failed)) return [];
      return [{ items: [{ ...item, settles: [id] }], atOnceMax: 1 }];
    });
  }

  function end(record: StepRecord, state: StepRecord['state']): void {
    record.state = state;
    record.endedAt = nowAt();
    if (record.beganAt) record.seconds = secondsSince(Date.parse(record.beganAt), Date.parse(record.endedAt));
  }

  registerMessages({
    progress,
    pauses,
    decide,
    decideHeld: (step, decision) => void heldDecisions.set(step, decision),
    answer: (question, choice, message) => void answers.set(question, { choice, message }),
    wakeRetry: () => {
      retryWanted = true;
    },
    stopWork: () =>
      abortListeners.length === 0
        ? null
        : (message) => {
            for (const stop of abortListeners) stop(message);
          },
  });
  return run;
}

function recordOf({ id, title, phase }: PlannedStep): StepRecord {
  return { id, title, phase, state: 'waiting', attempts: 0 };
}
