import { literal, quoted } from '../../postgres/identifiers.ts';
import { pipeRows } from '../../postgres/pipeRows.ts';
import { keyLiteral, sourceTable, targetTable, type TableWork } from './tableWork.ts';

const arrived = 'pg_temp.nightshift_arrived';
/** Keys in one statement. */
export const keysAtOnce = 10_000;

/** Within the transaction of the target: where rows of the source arrive before they are put in their place. */
export async function prepareArrival({ target, form, ...work }: TableWork): Promise<void> {
  const columns = form.columns.map(quoted).join(', ');
  await target.query(
    `create temporary table nightshift_arrived on commit drop as select ${columns} from ${targetTable({ target, form, ...work })} with no data`,
  );
}

/** Fetches rows by their keys and puts them in place, within the transaction of the target. Fewer may come than keys were given: gone since is gone. */
export async function placeRows(
  work: TableWork,
  { missing, changed }: { missing: readonly string[]; changed: readonly string[] },
): Promise<{ inserted: number; updated: number }> {
  const { target, form } = work;
  let [inserted, updated] = [0, 0];
  const wanted = [...missing, ...changed];
  const columns = form.columns.map(quoted).join(', ');
  const key = quoted(form.key);
  for (let at = 0; at < wanted.length; at += keysAtOnce) {
    const keys = wanted.slice(at, at + keysAtOnce);
    await pipeRows(work, {
      from: `(select ${columns} from ${sourceTable(work)} where ${key} = any(array[${keys.map(literal).join(', ')}]::${form.keyType}[]))`,
      into: `${arrived} (${columns})`,
      binary: form.binary,
    });
    if (changed.length > 0 && form.settable.length > 0) {
      const settings = form.settable.map((name) => `${quoted(name)} = a.${quoted(name)}`).join(', ');
      const done = await target.query(`update ${targetTable(work)} t set ${settings} from ${arrived} a where t.${key} = a.${key}`);
      updated += done.rowCount ?? 0;
    }
    const added = await target.query(
      `insert into ${targetTable(work)} (${columns}) overriding system value
       select ${columns} from ${arrived} a where not exists (select from ${targetTable(work)} t where t.${key} = a.${key}) order by ${key}`,
    );
    inserted += added.rowCount ?? 0;
    await target.query(`truncate ${arrived}`);
  }
  return { inserted, updated };
}

export async function deleteRows(work: TableWork, keys: readonly string[]): Promise<number> {
  let deleted = 0;
  for (let at = 0; at < keys.length; at += keysAtOnce) {
    const some = keys.slice(at, at + keysAtOnce).map((key) => keyLiteral(work, key));
    const done = await work.target.query(
      `delete from ${targetTable(work)} where ${quoted(work.form.key)} = any(array[${some.join(', ')}])`,
    );
    deleted += done.rowCount ?? 0;
  }
  return deleted;
}
