"""Everything below the entry points: jobs, policy, repository, sources, providers, keys, format, models."""
