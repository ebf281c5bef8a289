// Generated from the models by `python -m shared.models.generate`; edit those instead.
//
// Dates are declared as `Date`, as the specification does, and that is what Firestore's clients take when
// writing. When reading they hand back a Timestamp: use `Stored<Backup>` and `.toDate()` there.
// Requests that travel as JSON carry dates as ISO 8601 texts: use `Sent<SnapshotRequest>`.

/** The part of a Firestore `Timestamp` that is used here. */
export interface TimestampLike {
  readonly seconds: number;
  readonly nanoseconds: number;
  toDate(): Date;
}

/** `T` with another type in place of each date. */
export type WithDatesAs<D, T> = T extends Date
  ? D
  : T extends object
    ? { [K in keyof T]: WithDatesAs<D, T[K]> }
    : T;

/** A document as read from Firestore. */
export type Stored<T> = WithDatesAs<TimestampLike, T>;

/** A request as it travels in JSON. */
export type Sent<T> = WithDatesAs<string, T>;

/**
 * The configuration of the whole system.
 */
export interface BackupConfig {
  automatic: {
    enabled: boolean;
    schedule: {
      frequency: 'daily' | 'weekly' | 'monthly';
      time: string;
      timezone: string;
    };
    retention: {
      days: number;
      maxBackups: number;
      cleanupStrategy: 'oldest' | 'size' | 'custom';
    };
    storage: {
      provider: 'firebase' | 'local' | 'cloud';
      path: string;
      compression: boolean;
      encryption: boolean;
    };
  };
  manual: {
    enabled: boolean;
    maxSize: number;
    formats: string[];
    validation: boolean;
    encryption: boolean;
  };
  recovery: {
    enabled: boolean;
    maxVersions: number;
    validation: boolean;
    testing: boolean;
  };
}

/**
 * One backup, from the request for it on.
 */
export interface Backup {
  id: string;
  type: 'automatic' | 'manual';
  status: 'pending' | 'in_progress' | 'completed' | 'failed';
  metadata: {
    createdAt: Date;
    completedAt?: Date;
    size: number;
    items: number;
    format: string;
  };
  content: {
    entries: string[];
    media: string[];
    settings: string[];
    users: string[];
  };
  storage: {
    provider: string;
    path: string;
    url?: string;
  };
  validation: {
    verified: boolean;
    checksum: string;
    errors?: string[];
  };
}

/**
 * One recovery from one backup, from the request for it on.
 */
export interface Recovery {
  id: string;
  backupId: string;
  status: 'pending' | 'in_progress' | 'completed' | 'failed';
  metadata: {
    startedAt: Date;
    completedAt?: Date;
    items: number;
    size: number;
  };
  content: {
    entries: string[];
    media: string[];
    settings: string[];
    users: string[];
  };
  validation: {
    verified: boolean;
    checksum: string;
    errors?: string[];
  };
  rollback: {
    enabled: boolean;
    point?: Date;
    status?: 'pending' | 'completed' | 'failed';
  };
}

/**
 * One place where backups are kept.
 */
export interface StorageConfig {
  provider: 'firebase' | 'local' | 'cloud';
  settings: {
    path: string;
    maxSize: number;
    compression: boolean;
    encryption: boolean;
  };
  rotation: {
    enabled: boolean;
    strategy: 'time' | 'size' | 'count';
    maxAge: number;
    maxSize: number;
    maxCount: number;
  };
  monitoring: {
    enabled: boolean;
    alerts: boolean;
    metrics: boolean;
    logging: boolean;
  };
}

/**
 * A selection under a name.
 */
export interface BackupSet {
  name: string;
  description?: string;
  selection: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
}

/**
 * A selection, its own or that of the backup set `set`, with options; without either, everything.
 * `type` is what a backup of it counts as, unless the request says so.
 */
export interface BackupTemplate {
  name: string;
  description?: string;
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  set?: string;
  type?: 'automatic' | 'manual';
  options?: {
    validation?: 'none' | 'structure' | 'data';
    formats?: string[];
    maxSize?: number;
    note?: string;
  };
}

/**
 * When a backup or a recovery is made by itself. Its backups count as automatic ones.
 */
export interface BackupSchedule {
  name: string;
  description?: string;
  enabled?: boolean;
  schedule: {
    frequency: 'daily' | 'weekly' | 'monthly';
    time: string;
    timezone: string;
  };
  backup?: {
    selection?: {
      entries?: {
        include?: string[];
        exclude?: string[];
      };
      media?: {
        include?: string[];
        exclude?: string[];
      };
      settings?: {
        include?: string[];
        exclude?: string[];
      };
      users?: {
        include?: string[];
        exclude?: string[];
      };
    };
    set?: string;
    template?: string;
    options?: {
      validation?: 'none' | 'structure' | 'data';
      formats?: string[];
      maxSize?: number;
      note?: string;
    };
  };
  recovery?: {
    of?: string;
    target: {
      project: string;
      database?: string;
      buckets?: string[];
    };
    selection?: {
      entries?: {
        include?: string[];
        exclude?: string[];
      };
      media?: {
        include?: string[];
        exclude?: string[];
      };
      settings?: {
        include?: string[];
        exclude?: string[];
      };
      users?: {
        include?: string[];
        exclude?: string[];
      };
    };
    documents?: string[];
    exact?: boolean;
    overwrite?: boolean;
  };
}

/**
 * The document with which an operator's app asks for a manual backup. Its id becomes the backup's.
 */
export interface BackupRequest {
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  set?: string;
  template?: string;
  options?: {
    validation?: 'none' | 'structure' | 'data';
    formats?: string[];
    maxSize?: number;
    note?: string;
  };
  requestedBy: string;
  requestedAt: Date;
}

/**
 * What became of a `BackupRequest`, in fields of the same document that clients cannot write.
 * `refused` before anything was read, `failed` later, both with the `reason`; `done` with the
 * backup's id.
 */
export interface RequestAnswer {
  status: 'accepted' | 'refused' | 'done' | 'failed';
  reason?: string;
  backupId?: string;
  answeredAt: Date;
}

/**
 * Take the snapshot `backupId` of `selection`, of the backup set `set` or as `template` says; of
 * everything without them. Without `at` the job chooses. `type` is the template's, or manual,
 * unless it is said here.
 */
export interface SnapshotRequest {
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  set?: string;
  template?: string;
  options?: {
    validation?: 'none' | 'structure' | 'data';
    formats?: string[];
    maxSize?: number;
    note?: string;
  };
  backupId: string;
  type?: 'automatic' | 'manual';
  at?: Date;
  requestedBy?: string;
}

/**
 * Read one part of the plan of `backupId`.
 */
export interface PartRequest {
  backupId: string;
  part: number;
}

/**
 * The check `verifyId` of one backup, or without `backupId` of the whole repository. `sample` is
 * the share of the data that is read, up to 1; `turn` says which: after 1 / `sample` turns in a
 * row, all of it was read. By default it is the day's.
 */
export interface VerifyRequest {
  verifyId: string;
  backupId?: string;
  depth?: 'structure' | 'data';
  sample?: number;
  turn?: number;
}

/**
 * Bring back what `backupId` holds: everything, or what `selection` means, and single `documents`.
 * `exact` also deletes what the backup does not hold, within the same scope; it is off unless asked
 * for. Without `overwrite`, documents that exist are left as they are. Without `target`, restores
 * in place.
 */
export interface RestoreRequest {
  recoveryId: string;
  backupId: string;
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  documents?: string[];
  target?: {
    project: string;
    database?: string;
    buckets?: string[];
  };
  exact?: boolean;
  overwrite?: boolean;
  requestedBy?: string;
}

/**
 * The rotation `rotateId`: drop what need not be kept, and collect what nothing needs. `dryRun`
 * only says what would be done. `unfreeze` lets a rotation go on that stopped by itself.
 */
export interface RotateRequest {
  rotateId: string;
  dryRun?: boolean;
  unfreeze?: boolean;
}

/**
 * The document `backupConfig/retention`. `floor` is how many snapshots always stay. The rest is
 * what the cleanup strategy `custom` keeps: the `last` ones, all `withinDays`, and the newest of
 * each of so many hours, days, weeks, months and years in `timezone`.
 */
export interface RetentionPolicy {
  floor?: number;
  last?: number;
  withinDays?: number;
  hourly?: number;
  daily?: number;
  weekly?: number;
  monthly?: number;
  yearly?: number;
  timezone?: string;
  gate?: {
    gone?: number;
    overwritten?: number;
    least?: number;
  };
}

/**
 * The document `backupConfig/rotation`. While `frozen`, nothing is dropped or deleted; `snapshot`
 * is the last good one. What is newer than `checkedAt` is still to be looked at.
 */
export interface RotationState {
  frozen?: boolean;
  reason?: string;
  since?: Date;
  snapshot?: string;
  checkedAt?: Date;
}

/**
 * The document `backupHealth/main`. `recoveryPoint` is the newest state that can be restored,
 * `objective` how old it may be, `verified` the newest backup's time that a check found whole,
 * `proven` when a restore last proved it.
 */
export interface Health {
  checkedAt: Date;
  state: 'ok' | 'attention';
  alerts?: {
    key: string;
    kind: 'late' | 'missing' | 'failed' | 'damaged' | 'unverified' | 'unusual_size' | 'mass_deletion' | 'near_limit';
    message: string;
    since: Date;
  }[];
  recoveryPoint?: Date;
  recoveryPointAge?: number;
  objective?: number;
  nextPlanned?: Date;
  completedId?: string;
  completedAt?: Date;
  verified?: Date;
  proven?: Date;
  storage?: {
    bytes: number;
    objects: number;
    measuredAt: Date;
    limit?: number;
    perDay?: number;
  };
  cost?: {
    storagePerMonth?: number;
    last30Days?: number;
  };
  channels?: {
    name: string;
    error?: string;
    since?: Date;
  }[];
}

/**
 * The document `backupStatistics/{id}` of a backup. It stays when the backup is dropped. `scope` is
 * the same for backups of the same choice. `stored` is what was newly stored, `downloaded` what was
 * read of files, `cost` what making it cost.
 */
export interface BackupStatistics {
  id: string;
  kind?: 'backup';
  status?: 'pending' | 'in_progress' | 'completed' | 'failed';
  at: Date;
  endedAt: Date;
  scope: string;
  items: number;
  bytes: number;
  stored: number;
  downloaded?: number;
  seconds: number;
  cost: number;
}

/**
 * The same of a recovery: records written, and bytes of them.
 */
export interface RecoveryStatistics {
  id: string;
  kind?: 'recovery';
  status: 'pending' | 'in_progress' | 'completed' | 'failed';
  at: Date;
  endedAt: Date;
  items: number;
  bytes: number;
  seconds: number;
}

/**
 * There is one for a job that is worked on, and none for one that has ended. `items` are records,
 * or blobs of a verification; `rate` in items a second; `total` and `secondsLeft` only when they
 * are known.
 */
export interface ProgressDocument {
  kind: 'snapshot' | 'restore' | 'verify' | 'rotate';
  phase: string;
  state: 'pending' | 'running';
  items: number;
  bytes: number;
  total?: number;
  rate?: number;
  secondsLeft?: number;
  parts?: number;
  partsDone?: number;
  startedAt: Date;
  updatedAt: Date;
}

/**
 * `next` is what to ask for the following page with; absent on the last one.
 */
export interface BackupPage {
  backups: {
    id: string;
    type: 'automatic' | 'manual';
    status: 'pending' | 'in_progress' | 'completed' | 'failed';
    metadata: {
      createdAt: Date;
      completedAt?: Date;
      size: number;
      items: number;
      format: string;
    };
    content: {
      entries: string[];
      media: string[];
      settings: string[];
      users: string[];
    };
    storage: {
      provider: string;
      path: string;
      url?: string;
    };
    validation: {
      verified: boolean;
      checksum: string;
      errors?: string[];
    };
  }[];
  next?: string;
}

/**
 * Which one.
 */
export interface ByIdInput {
  id: string;
}

/**
 * Which one.
 */
export interface ByNameInput {
  name: string;
}

/**
 * `cancelling` when a worker will stop at its next beat; `ended` when it had ended already, in
 * whatever way.
 */
export interface CancelResult {
  outcome: 'cancelled' | 'cancelling' | 'ended';
}

/**
 * The whole configuration. What is absent has never been set; when setting, what is absent stays as
 * it is.
 */
export interface Configuration {
  backup?: {
    automatic: {
      enabled: boolean;
      schedule: {
        frequency: 'daily' | 'weekly' | 'monthly';
        time: string;
        timezone: string;
      };
      retention: {
        days: number;
        maxBackups: number;
        cleanupStrategy: 'oldest' | 'size' | 'custom';
      };
      storage: {
        provider: 'firebase' | 'local' | 'cloud';
        path: string;
        compression: boolean;
        encryption: boolean;
      };
    };
    manual: {
      enabled: boolean;
      maxSize: number;
      formats: string[];
      validation: boolean;
      encryption: boolean;
    };
    recovery: {
      enabled: boolean;
      maxVersions: number;
      validation: boolean;
      testing: boolean;
    };
  };
  storage?: {
    provider: 'firebase' | 'local' | 'cloud';
    settings: {
      path: string;
      maxSize: number;
      compression: boolean;
      encryption: boolean;
    };
    rotation: {
      enabled: boolean;
      strategy: 'time' | 'size' | 'count';
      maxAge: number;
      maxSize: number;
      maxCount: number;
    };
    monitoring: {
      enabled: boolean;
      alerts: boolean;
      metrics: boolean;
      logging: boolean;
    };
  };
  retention?: {
    floor?: number;
    last?: number;
    withinDays?: number;
    hourly?: number;
    daily?: number;
    weekly?: number;
    monthly?: number;
    yearly?: number;
    timezone?: string;
    gate?: {
      gone?: number;
      overwritten?: number;
      least?: number;
    };
  };
}

/**
 * What a backup would hold, store, take and cost. Sizes in bytes; `usd` once, `usdPerMonth` for
 * keeping it.
 */
export interface EstimateResult {
  contents: {
    content: 'entries' | 'media' | 'settings' | 'users';
    items: number;
    bytes?: number;
    exactness: 'exact' | 'at most' | 'at least';
  }[];
  exactness: 'exact' | 'at most' | 'at least';
  bytes: number;
  storedBytes: number;
  reads: number;
  seconds: number;
  usd: number;
  usdPerMonth: number;
  assumptions: string[];
}

/**
 * No fields at all.
 */
export interface Nothing {
}

/**
 * `limit` of them at most, the newest first; `after` is the id of the last one of the page before.
 */
export interface PageInput {
  limit?: number;
  after?: string;
}

/**
 * `next` is what to ask for the following page with; absent on the last one.
 */
export interface RecoveryPage {
  recoveries: {
    id: string;
    backupId: string;
    status: 'pending' | 'in_progress' | 'completed' | 'failed';
    metadata: {
      startedAt: Date;
      completedAt?: Date;
      items: number;
      size: number;
    };
    content: {
      entries: string[];
      media: string[];
      settings: string[];
      users: string[];
    };
    validation: {
      verified: boolean;
      checksum: string;
      errors?: string[];
    };
    rollback: {
      enabled: boolean;
      point?: Date;
      status?: 'pending' | 'completed' | 'failed';
    };
  }[];
  next?: string;
}

/**
 * What a manual backup is asked for by: one of the three at most; by none of them, everything.
 */
export interface RequestBackupInput {
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  set?: string;
  template?: string;
  options?: {
    validation?: 'none' | 'structure' | 'data';
    formats?: string[];
    maxSize?: number;
    note?: string;
  };
}

/**
 * Bring back in place what the backup `backupId` holds: everything, or what `selection` means, and
 * single `documents`. `exact` also deletes what the backup does not hold. Without `overwrite`, what
 * exists stays.
 */
export interface RequestRestoreInput {
  backupId: string;
  selection?: {
    entries?: {
      include?: string[];
      exclude?: string[];
    };
    media?: {
      include?: string[];
      exclude?: string[];
    };
    settings?: {
      include?: string[];
      exclude?: string[];
    };
    users?: {
      include?: string[];
      exclude?: string[];
    };
  };
  documents?: string[];
  exact?: boolean;
  overwrite?: boolean;
}

/**
 * By name.
 */
export interface SetList {
  sets: {
    name: string;
    description?: string;
    selection: {
      entries?: {
        include?: string[];
        exclude?: string[];
      };
      media?: {
        include?: string[];
        exclude?: string[];
      };
      settings?: {
        include?: string[];
        exclude?: string[];
      };
      users?: {
        include?: string[];
        exclude?: string[];
      };
    };
  }[];
}

/**
 * The id of what was begun: `getStatus` tells how far it is.
 */
export interface Started {
  id: string;
}

/**
 * Of the newest `lookedAt` backups in the catalog. `points` are the completed ones, the newest
 * first.
 */
export interface StatisticsResult {
  lookedAt: number;
  completed: number;
  failed: number;
  underWay: number;
  bytes: number;
  newestCompletedAt?: Date;
  newestVerifiedAt?: Date;
  points: {
    id: string;
    at: Date;
    items: number;
    bytes: number;
    seconds: number;
    verified: boolean;
  }[];
}

/**
 * One of `backup` and `recovery`; `progress` once a worker has begun.
 */
export interface StatusResult {
  backup?: {
    id: string;
    type: 'automatic' | 'manual';
    status: 'pending' | 'in_progress' | 'completed' | 'failed';
    metadata: {
      createdAt: Date;
      completedAt?: Date;
      size: number;
      items: number;
      format: string;
    };
    content: {
      entries: string[];
      media: string[];
      settings: string[];
      users: string[];
    };
    storage: {
      provider: string;
      path: string;
      url?: string;
    };
    validation: {
      verified: boolean;
      checksum: string;
      errors?: string[];
    };
  };
  recovery?: {
    id: string;
    backupId: string;
    status: 'pending' | 'in_progress' | 'completed' | 'failed';
    metadata: {
      startedAt: Date;
      completedAt?: Date;
      items: number;
      size: number;
    };
    content: {
      entries: string[];
      media: string[];
      settings: string[];
      users: string[];
    };
    validation: {
      verified: boolean;
      checksum: string;
      errors?: string[];
    };
    rollback: {
      enabled: boolean;
      point?: Date;
      status?: 'pending' | 'completed' | 'failed';
    };
  };
  progress?: {
    state: 'pending' | 'running' | 'done' | 'failed';
    parts?: number;
    partsDone?: number;
  };
}

/**
 * By name.
 */
export interface TemplateList {
  templates: {
    name: string;
    description?: string;
    selection?: {
      entries?: {
        include?: string[];
        exclude?: string[];
      };
      media?: {
        include?: string[];
        exclude?: string[];
      };
      settings?: {
        include?: string[];
        exclude?: string[];
      };
      users?: {
        include?: string[];
        exclude?: string[];
      };
    };
    set?: string;
    type?: 'automatic' | 'manual';
    options?: {
      validation?: 'none' | 'structure' | 'data';
      formats?: string[];
      maxSize?: number;
      note?: string;
    };
  }[];
}
