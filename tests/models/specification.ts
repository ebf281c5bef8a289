// The specification's models, as it states them.

interface BackupConfig {
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

interface Backup {
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

interface Recovery {
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

interface StorageConfig {
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
