/** What jobStatus.sh tells of a copy job. */
export interface JobStatus {
  job: 'absent' | 'waiting' | 'running' | 'ended';
  /** How the job ended, once it has said so. */
  exit?: number;
  targetThere: boolean;
  sizeBytes: number;
  sha256: string;
  sourceBytes: number;
  /** Of the finished copy. */
  tookSeconds: number;
  /** Of the job under way. */
  elapsedSeconds: number;
  totalBytes: number;
  readBytes: number;
  writtenBytes: number;
  log: string;
}

const mebibyte = 1024 * 1024;

export function readJobStatus(text: string): JobStatus {
  const [facts = '', log = ''] = text.split(/^log:\n/m, 2);
  const values = new Map(facts.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const));
  const number = (name: string): number => Number(values.get(name) ?? 0) || 0;
  const exit = values.get('exit');
  return {
    job: readJob(values.get('job')),
    ...(exit === undefined ? {} : { exit: Number(exit) }),
    targetThere: values.get('target') === 'yes',
    sizeBytes: number('sizeBytes'),
    sha256: values.get('sha256') ?? '',
    sourceBytes: number('sourceBytes'),
    tookSeconds: number('elapsedSeconds'),
    elapsedSeconds: number('elapsed'),
    totalBytes: number('total'),
    // Headers count too, so the last mebibytes would exceed the whole.
    readBytes: Math.min(number('progress') * mebibyte, number('total')),
    writtenBytes: number('written'),
    log,
  };
}

function readJob(word: string | undefined): JobStatus['job'] {
  if (word === 'waiting' || word === 'running' || word === 'ended') return word;
  return 'absent';
}
