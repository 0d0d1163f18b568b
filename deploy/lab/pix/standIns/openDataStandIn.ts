import { startStandIn, type PixStandIn, type StandInPlace } from './standInServer.ts';

export interface OpenDataFaults {
  /** shrinks: the total is smaller from the second page on. */
  kind?: 'never' | 'serverError' | 'empty' | 'notJson' | 'shrinks';
}

/** A line of the list; its place in the list is all that tells it from others: identifiers are not stable (pix 39). */
export interface CpfRecord {
  siren: string;
  nom_of: string;
  intitule_formation: string;
  code_certifinfo: number | null;
  nombre_heures: number | null;
  date_extract: string;
}

const pageMost = 100;
const dataset = 'external_opendata_caisse_des_depots_cpf_list';

/** Path of the list; `?limit=` (1 to 100, default 10) and `&offset=` take a page of it: { total_count, results }. */
export const openDataPath = `/api/explore/v2.1/catalog/datasets/${dataset}/records`;

/** Stand-in for the open-data site with the CPF list of at most 2000 rows (pix 39). */
export function startOpenDataStandIn({ rows = 2000, ...place }: { rows?: number } & StandInPlace = {}): Promise<
  PixStandIn<OpenDataFaults>
> {
  return startStandIn<OpenDataFaults>(
    ({ method, path, query }, { kind }) => {
      if (kind === 'never') return 'never';
      if (kind === 'serverError') return { status: 500, body: { message: 'set by the lab' } };
      if (method !== 'GET' || path !== openDataPath) return { status: 404, body: { message: 'no such data set' } };
      const [limit, offset] = [Number(query.limit ?? 10), Number(query.offset ?? 0)];
      if (!Number.isInteger(limit) || limit < 1 || limit > pageMost || !Number.isInteger(offset) || offset < 0)
        return { status: 400, body: { message: `limit goes from 1 to ${pageMost}` } };
      const total = kind === 'empty' ? 0 : kind === 'shrinks' && offset > 0 ? Math.floor(rows / 2) : rows;
      const results = Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, index) => record(offset + index));
      const body = JSON.stringify({ total_count: total, results });
      return { status: 200, body: kind === 'notJson' ? body.slice(0, -10) : body };
    },
    {},
    place,
  );
}

function record(n: number): CpfRecord {
  return {
    siren: String(300_000_000 + n * 7919),
    nom_of: n % 6 === 0 ? `L'organisme "${n}"` : `Organisme ${n}`,
    intitule_formation: n % 5 === 0 ? `Formation ${n}, tabulation\tet\nretour \\N` : `Formation à l'usage numérique ${n}`,
    code_certifinfo: n % 7 === 0 ? null : 100_000 + n,
    nombre_heures: n % 4 === 0 ? null : (n % 300) / 2,
    date_extract: '2026-11-16',
  };
}
