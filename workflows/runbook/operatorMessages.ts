import { defineQuery, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { messages } from '../names.contract.ts';
import type { Pauses } from './pauses.ts';
import type { Decision, OperatorMessage, Pause, RunProgress } from './runbook.contract.ts';

export interface HeldDecision {
  choice: 'retryStep' | 'skipStep' | 'abort';
  message: OperatorMessage;
}

interface MessageTargets {
  progress: RunProgress;
  pauses: Pauses | null;
  decide: (decision: Omit<Decision, 'at'>) => void;
  decideHeld: (step: string, decision: HeldDecision) => void;
  answer: (question: string, choice: string, message: OperatorMessage) => void;
  wakeRetry: () => void;
  /** Null while nothing would heed it. */
  stopWork: () => ((message: OperatorMessage) => void) | null;
}

type StepMessage = OperatorMessage & { step?: string };
type AnswerMessage = OperatorMessage & { question: string; choice: string };

/** Query and updates of a run. Every update says who; a bad one is refused with the remedy and leaves no trace in history. */
export function registerMessages({ progress, pauses, decide, decideHeld, answer, wakeRetry, stopWork }: MessageTargets): void {
  const refuse = (message: string): never => {
    throw failure('InvalidInput', message);
  };
  const saysWho = (message: Partial<OperatorMessage> | null | undefined): void => {
    if (typeof message?.by !== 'string' || message.by.trim() === '') refuse('by: say who decides, for example {"by":"marie"}');
  };
  const heldStep = (id: string | undefined): { skippable: boolean } => {
    const now = progress.held.map(({ step }) => step).join(', ');
    return (
      progress.held.find(({ step }) => step === id) ?? refuse(`step: "${id ?? ''}" is not held; held now: ${now === '' ? 'none' : now}`)
    );
  };
  const isWorking = (): boolean => progress.state === 'working' || progress.state === 'paused';
  const decided = (subject: string, choice: string, { by, why }: OperatorMessage): void =>
    decide({ subject, choice, by, ...(why ? { why } : {}) });

  setHandler(defineQuery<RunProgress>(messages.progress), () => progress, {
    description: 'Where the run is: steps, what is down, questions, decisions',
  });
  setHandler(
    defineUpdate<string, [StepMessage]>(messages.retryStep),
    (message) => {
      wakeRetry();
      if (message.step) decideHeld(message.step, { choice: 'retryStep', message });
      else decided('bring back', 'retryStep', message);
      return message.step ? `trying ${message.step} again` : 'trying again what is still down';
    },
    {
      description: 'Try a held step again: {"step","by"}; while bringing back, {"by"} tries at once what is still down',
      validator: (message: StepMessage) => {
        saysWho(message);
        if (message.step) heldStep(message.step);
        else if (progress.state !== 'bringingBack') refuse('step: say which held step to try again');
      },
    },
  );
  setHandler(
    defineUpdate<string, [StepMessage]>(messages.skipStep),
    (message) => {
      decideHeld(message.step ?? '', { choice: 'skipStep', message });
      return `skipping ${message.step ?? ''}`;
    },
    {
      description: 'Go on without a held step, where that is safe: {"step","by","why"}',
      validator: (message: StepMessage) => {
        saysWho(message);
        if (!message.why?.trim()) refuse('why: say why it is safe to go on without the step');
        if (!heldStep(message.step).skippable) refuse(`step: "${message.step ?? ''}" cannot be skipped safely; retryStep or abort`);
      },
    },
  );
  setHandler(
    defineUpdate<string, [OperatorMessage]>(messages.abort),
    (message) => {
      for (const { step } of progress.held) decideHeld(step, { choice: 'abort', message });
      decided('the run', 'abort', message);
      stopWork()?.(message);
      return 'aborting: the platform is brought back';
    },
    {
      description: 'End the work and bring the platform back: {"by","why"}',
      validator: (message: OperatorMessage) => {
        saysWho(message);
        if (!isWorking()) refuse(`the run is not working any more: ${progress.state}`);
        if (!stopWork() && progress.held.length === 0) refuse('nothing is held and nothing is down yet: cancel the run instead');
      },
    },
  );
  setHandler(
    defineUpdate<string, [AnswerMessage]>(messages.answer),
    (message) => {
      answer(message.question, message.choice, message);
      return `${message.question}: ${message.choice}`;
    },
    {
      description: 'Answer an open question: {"question","choice","by","why"}',
      validator: (message: AnswerMessage) => {
        saysWho(message);
        const open = progress.questions.find(({ id }) => id === message.question);
        const openNow = progress.questions.map(({ id }) => id).join(', ');
        if (!open) refuse(`question: "${message.question}" is not open; open: ${openNow === '' ? 'none' : openNow}`);
        else if (!open.choices.includes(message.choice)) refuse(`choice: one of ${open.choices.join(', ')}`);
      },
    },
  );
  setHandler(
    defineUpdate<string, [OperatorMessage]>(messages.pause),
    (message) => {
      decided('the run', 'pause', message);
      const { untilAt = '' } = pauses?.pause({ origin: 'operator', by: message.by, why: message.why ?? '' }) ?? {};
      return `paused until ${untilAt} at the latest; resume goes on`;
    },
    {
      description: 'Begin nothing new until `resume`: {"by","why"}',
      validator: (message: OperatorMessage) => {
        saysWho(message);
        if (!message.why?.trim()) refuse('why: say why the run should wait');
        if (!pauses) refuse('this procedure has no step that could wait; cancel ends it');
        if (!isWorking()) refuse(`the run is not working any more: ${progress.state}`);
        const standing = progress.pauses.find(({ origin }) => origin === 'operator');
        if (standing) refuse(`the run is paused already, by ${standing.by} since ${standing.sinceAt}`);
      },
    },
  );
  setHandler(
    defineUpdate<string, [OperatorMessage]>(messages.resume),
    (message) => {
      decided('the run', 'resume', message);
      pauses?.lift('operator', 'guard');
      return pauses?.stands() ? 'resumed here, but the run that this one is a part of is still paused' : 'going on';
    },
    {
      description: 'Go on after a pause, whoever or whatever began it: {"by","why"}',
      validator: (message: OperatorMessage) => {
        saysWho(message);
        if (progress.pauses.length === 0) refuse('the run is not paused');
        const above = progress.pauses.find(({ origin }) => origin === 'above');
        if (above && progress.pauses.length === 1) refuse(`the run that this one is a part of is paused, by ${above.by}: resume that one`);
      },
    },
  );
  if (pauses)
    setHandler(defineSignal<[Pick<Pause, 'by' | 'why'> | null]>(messages.pausedAbove), (pause) => {
      if (pause) pauses.pause({ origin: 'above', by: pause.by, why: pause.why });
      else pauses.lift('above');
    });
}
