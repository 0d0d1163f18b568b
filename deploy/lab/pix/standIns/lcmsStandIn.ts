import { learningContent, type LearningContentTable } from './learningContent.ts';
import { startStandIn, type PixStandIn, type StandInPlace, type StandInReply } from './standInServer.ts';

export interface LcmsFaults {
  /**
   * never: no answer at all. stalls: half of the answer, then silence. missingArray, itemWithoutId, wrongValue (a text in its first numeric,
   * boolean or array field), missingBoolean: of `table`. emptyBody: status 200 with nothing. notJson: cut in the middle.
   */
  kind?:
    | 'never'
    | 'stalls'
    | 'missingArray'
    | 'itemWithoutId'
    | 'wrongValue'
    | 'missingBoolean'
    | 'emptyBody'
    | 'notJson'
    | 'unauthorized'
    | 'serverError';
  /** Default skills; for missingBoolean challenges. */
  table?: LearningContentTable;
  /** So many answers, then none of it. Default: for good. */
  times?: number;
}

export interface LcmsSetting extends StandInPlace {
  /** The bearer token that it wants. */
  key: string;
  /** The value of the header "client" that it wants. Default pix-db-replication. */
  client?: string;
  /** 1: some 1,700 items; 10: about a real referential. Default 1. */
  size?: number;
}

const faultyItem = 3;

/** Stand-in for the learning content API: GET /databases/airtable (pix 27). */
export function startLcmsStandIn({ key, client = 'pix-db-replication', size = 1, ...place }: LcmsSetting): Promise<PixStandIn<LcmsFaults>> {
  const content = learningContent(size);
  let whole: string | null = null;
  const used = new WeakMap<LcmsFaults, number>();

  function good(): StandInReply {
    whole ??= JSON.stringify(content);
    return { status: 200, body: whole };
  }

  function changed(table: LearningContentTable, change: (items: Record<string, unknown>[]) => unknown): StandInReply {
    const copy = structuredClone(content[table]);
    return { status: 200, body: { ...content, [table]: change(copy) } };
  }

  function faulty({ kind, table = kind === 'missingBoolean' ? 'challenges' : 'skills' }: LcmsFaults): StandInReply | 'never' {
    switch (kind) {
      case undefined:
        return good();
      case 'never':
        return 'never';
      case 'stalls':
        return { ...good(), stalls: true };
      case 'missingArray':
        return changed(table, () => undefined);
      case 'itemWithoutId':
        return changed(table, (items) => items.with(faultyItem, { ...items[faultyItem], id: undefined }));
      case 'wrongValue':
        return changed(table, (items) => items.with(faultyItem, spoiled(items[faultyItem] ?? {})));
      case 'missingBoolean':
        return changed(table, (items) => items.with(faultyItem, { ...items[faultyItem], autoReply: undefined }));
      case 'emptyBody':
        return { status: 200, body: '' };
      case 'notJson':
        return { status: 200, body: JSON.stringify(content).slice(0, 1000) };
      case 'unauthorized':
        return { status: 401, body: { errors: [{ status: '401', title: 'Unauthorized' }] } };
      case 'serverError':
        return { status: 500, body: { errors: [{ status: '500', title: 'Internal Server Error' }] } };
    }
  }

  return startStandIn<LcmsFaults>(
    ({ method, path, headers }, faults) => {
      if (method !== 'GET' || path !== '/databases/airtable') return { status: 404, body: { errors: [{ status: '404' }] } };
      if (headers.authorization !== `Bearer ${key}`) return faulty({ kind: 'unauthorized' });
      if (headers.client !== client) return { status: 400, body: { errors: [{ status: '400', title: 'header "client" is not known' }] } };
      const before = used.get(faults) ?? 0;
      used.set(faults, before + 1);
      return faults.times !== undefined && before >= faults.times ? good() : faulty(faults);
    },
    {},
    place,
  );
}

/** The first field that is no text gets one that its column cannot take. */
function spoiled(item: Record<string, unknown>): Record<string, unknown> {
  const [field = 'level'] = Object.entries(item).find(([, value]) => typeof value === 'number' || typeof value === 'boolean') ?? [];
  return { ...item, [field]: 'much' };
}
