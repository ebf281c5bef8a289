// Generated from the models by `python -m shared.models.generate`; edit those instead.
//
// The callables of firekeep, typed. What it throws are FirebaseFunctionsError, whose `code` is such as
// 'functions/permission-denied'; docs/callables.md tells which there are.

import { httpsCallable, type Functions } from 'firebase/functions';
import type {
  BackupPage,
  BackupSet,
  BackupTemplate,
  ByIdInput,
  ByNameInput,
  CancelResult,
  Configuration,
  EstimateResult,
  Nothing,
  PageInput,
  RecoveryPage,
  RequestBackupInput,
  RequestRestoreInput,
  SetList,
  Started,
  StatisticsResult,
  StatusResult,
  TemplateList,
  Sent,
} from '../types/firekeep';

/** `functions` of the region that firekeep is deployed to; `name` of its function there. */
export function firekeep(functions: Functions, name = 'firekeep-api') {
  const call = async <Input, Output>(callable: string, input: Input): Promise<Output> =>
    (await httpsCallable<Input, Output>(functions, `${name}/${callable}`)(input)).data;
  return {
    /** Start a manual backup in the background. Takes the role operator. */
    requestBackup: (input: Sent<RequestBackupInput> = {}): Promise<Sent<Started>> =>
      call('requestBackup', input),
    /** Stop a backup; nothing of it stays visible. Takes the role operator. */
    cancelBackup: (input: Sent<ByIdInput>): Promise<Sent<CancelResult>> =>
      call('cancelBackup', input),
    /** List the backups, the newest first. Takes the role viewer. */
    listBackups: (input: Sent<PageInput> = {}): Promise<Sent<BackupPage>> =>
      call('listBackups', input),
    /** Tell how far a backup or a recovery is. Takes the role viewer. */
    getStatus: (input: Sent<ByIdInput>): Promise<Sent<StatusResult>> =>
      call('getStatus', input),
    /** Tell what a backup would hold, take and cost. Documents are counted, which is billed. Takes the role operator. */
    estimateBackup: (input: Sent<RequestBackupInput> = {}): Promise<Sent<EstimateResult>> =>
      call('estimateBackup', input),
    /** Start a restore in place, in the background. Takes the role admin. */
    requestRestore: (input: Sent<RequestRestoreInput>): Promise<Sent<Started>> =>
      call('requestRestore', input),
    /** Stop a restore; what it has written stays. Takes the role admin. */
    cancelRestore: (input: Sent<ByIdInput>): Promise<Sent<CancelResult>> =>
      call('cancelRestore', input),
    /** List the recoveries, the newest first. Takes the role viewer. */
    listRecoveries: (input: Sent<PageInput> = {}): Promise<Sent<RecoveryPage>> =>
      call('listRecoveries', input),
    /** Save a selection under a name. Takes the role operator. */
    saveSet: (input: Sent<BackupSet>): Promise<Sent<Nothing>> =>
      call('saveSet', input),
    /** List the backup sets. Takes the role viewer. */
    listSets: (input: Sent<Nothing> = {}): Promise<Sent<SetList>> =>
      call('listSets', input),
    /** Delete a backup set; no backup goes. Takes the role operator. */
    deleteSet: (input: Sent<ByNameInput>): Promise<Sent<Nothing>> =>
      call('deleteSet', input),
    /** Save a selection with options under a name. Takes the role operator. */
    saveTemplate: (input: Sent<BackupTemplate>): Promise<Sent<Nothing>> =>
      call('saveTemplate', input),
    /** List the backup templates. Takes the role viewer. */
    listTemplates: (input: Sent<Nothing> = {}): Promise<Sent<TemplateList>> =>
      call('listTemplates', input),
    /** Delete a backup template; no backup goes. Takes the role operator. */
    deleteTemplate: (input: Sent<ByNameInput>): Promise<Sent<Nothing>> =>
      call('deleteTemplate', input),
    /** Tell what the latest backups were like. Takes the role viewer. */
    getStatistics: (input: Sent<Nothing> = {}): Promise<Sent<StatisticsResult>> =>
      call('getStatistics', input),
    /** Read the configuration. Takes the role admin. */
    getConfig: (input: Sent<Nothing> = {}): Promise<Sent<Configuration>> =>
      call('getConfig', input),
    /** Replace those parts of the configuration that are given. Takes the role admin. */
    setConfig: (input: Sent<Configuration> = {}): Promise<Sent<Nothing>> =>
      call('setConfig', input),
  };
}

export type Firekeep = ReturnType<typeof firekeep>;
