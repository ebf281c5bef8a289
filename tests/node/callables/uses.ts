// Compiled and never run: what the types of the client allow, and what they do not.
import type { Functions } from 'firebase/functions';
import { firekeep, type Firekeep } from '../../../web/client/firekeep';

export async function uses(functions: Functions): Promise<string> {
  const keep: Firekeep = firekeep(functions);
  const { id } = await keep.requestBackup({ selection: { entries: { include: ['orders'] } } });
  const { backups, next } = await keep.listBackups({ limit: 10 });
  const size: number | undefined = backups[0]?.metadata.size;
  const created: string | undefined = backups[0]?.metadata.createdAt;
  // @ts-expect-error  the content of a selection has a fixed set of names
  await keep.requestBackup({ selection: { entires: {} } });
  // @ts-expect-error  the id is needed
  await keep.getStatus({});
  // @ts-expect-error  a limit is a number
  await keep.listBackups({ limit: '10' });
  // @ts-expect-error  there is no such callable
  await keep.dropEverything();
  await keep.requestRestore({ backupId: id, documents: ['orders/7'] });
  return `${id} ${next ?? ''} ${size ?? 0} ${created ?? ''}`;
}
