"""What a deployment consists of, from the function table: `setup` runs it, cloudbuild.yaml and docs show it."""
